"""The discriminator of adversarial training: pix2pix's, conditional on the input."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class PatchDiscriminator(nn.Module):
    """Scores patches of a picture, given the network's input.

    Four 4x4 convolutions of stride 2, then one of stride 1 to a score for each patch (Isola et
    al. 2017, section 3.2.2; the DRN paper uses this structure for both discriminators).

    Args:
        width: channels of the first layer; doubled by each of the next three.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [_strided(6, width), nn.LeakyReLU(0.2)]
        for level in range(3):
            channels = width << level
            layers += [
                _strided(channels, 2 * channels),
                nn.InstanceNorm2d(2 * channels),
                nn.LeakyReLU(0.2),
            ]
        layers.append(nn.Conv2d(width << 3, 1, kernel_size=4, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, condition: Tensor, picture: Tensor) -> Tensor:
        """Return a score for each patch.

        Args:
            condition: the network's input, (n, 3, h, w) in [-1, 1].
            picture: the picture to score, (n, 3, h, w) in [-1, 1].
        """
        return cast(Tensor, self.layers(torch.cat([condition, picture], dim=1)))


def _strided(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size=4, stride=2, padding=1)
