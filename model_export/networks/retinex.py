"""Retinex-Net: splits a picture into reflectance and illumination, and relights the latter.

    photo ── Decomposition ─┬─ reflectance ──────────────┬─ product ── relit photo
                            └─ illumination ─ Adjustment ─┘

Source: Wei, Wang, Yang and Liu, "Deep Retinex Decomposition for Low-Light Enhancement", BMVC
2018, arXiv 1808.04560. Two photos of a scene under two lamps share their reflectance; the
original's pair is a dark and a well-lit photo. Its denoising of the reflectance is omitted, as
rendered scenes have no sensor noise.

Inputs and outputs are in [-1, 1], internal pictures in [0, 1].
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model_export.networks.base import RelightingNetwork
from model_export.networks.blocks import check_size, reflect_conv

_NUM_DECOMPOSITION_LAYERS: Final = 5
_NUM_ADJUSTMENT_SCALES: Final = 3
_EDGE_SHARPNESS: Final = 10.0  # lambda_g: how far edges of the reflectance permit edges of light


class Decomposition(nn.Module):
    """Split photos into reflectance and illumination (the original's Decom-Net).

    Its picture is the reflectance.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [reflect_conv(4, width, 9)]
        for _ in range(_NUM_DECOMPOSITION_LAYERS):
            layers += [reflect_conv(width, width, 3), nn.ReLU(inplace=True)]
        layers.append(reflect_conv(width, 4, 3))
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, image: Tensor) -> Tensor:
        """Map (n, 3, h, w) in [-1, 1] to reflectance and illumination, (n, 3 + 1, h, w).

        Both are in [0, 1], in one tensor.
        """
        photo = (image + 1) / 2
        brightest = photo.amax(dim=1, keepdim=True)
        split: Tensor = torch.sigmoid(self.layers(torch.cat([brightest, photo], dim=1)).float())
        return split

    def picture(self, split: Tensor) -> Tensor:
        """Return the reflectance of `forward` as pictures in [-1, 1]."""
        return split[:, :3] * 2 - 1

    def own_losses(self, image: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the losses of the first stage, on pictures in [0, 1].

        Args:
            image: (n, 3, h, w) in [-1, 1].
            target: the same scenes under another light.

        Returns:
            `reconstruction`: L1 of each photo from its own parts; `cross_reconstruction`: from
            the other's reflectance; `reflectance`: L1 between the two; `smoothness` of both
            illuminations.
        """
        photos = torch.cat([image, target])
        split = self(photos)  # (2n, 4, h, w)
        photo, reflectance, illumination = (photos + 1) / 2, split[:, :3], split[:, 3:]
        others = reflectance.roll(len(image), dims=0)  # the other photo of each pair
        return {
            "reconstruction": F.l1_loss(reflectance * illumination, photo),
            "cross_reconstruction": F.l1_loss(others * illumination, photo),
            "reflectance": F.l1_loss(reflectance, others),
            "smoothness": _roughness(illumination, reflectance),
        }


class Adjustment(nn.Module):
    """Relight the illumination, given the reflectance (the original's Enhance-Net).

    An hourglass with additive skip connections; the features of each decoder scale are enlarged
    to full size and merged.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = reflect_conv(4, width, 3)
        self.encoder = nn.ModuleList(
            nn.Conv2d(width, width, 3, stride=2, padding=1) for _ in range(_NUM_ADJUSTMENT_SCALES)
        )
        self.decoder = nn.ModuleList(
            reflect_conv(width, width, 3) for _ in range(_NUM_ADJUSTMENT_SCALES)
        )
        self.merge = nn.Conv2d(_NUM_ADJUSTMENT_SCALES * width, width, 1)
        self.head = reflect_conv(width, 1, 3)
        self.apply(_initialise)

    def forward(self, split: Tensor) -> Tensor:
        """Map the output of `Decomposition` to the new illumination, (n, 1, h, w) in [0, 1]."""
        x = self.stem(split)
        seen = []
        for halve in self.encoder:
            seen.append(x)
            x = F.relu(halve(x))
        scales = []
        for convolution in self.decoder:
            across = seen.pop()
            x = F.relu(convolution(_resized(x, across))) + across
            scales.append(_resized(x, split))
        illumination: Tensor = torch.sigmoid(
            self.head(self.merge(torch.cat(scales, dim=1))).float()
        )
        return illumination


class RetinexNet(RelightingNetwork):
    """The whole network.

    Args:
        width: channels of both parts, 64 in the original.

    Attributes:
        decomposition: first training stage.
        adjustment: second training stage.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.decomposition = Decomposition(width)
        self.adjustment = Adjustment(width)

    def forward(self, image: Tensor, light: Tensor | None = None) -> Tensor:
        """Relight photos, (n, 3, h, w) -> (n, 3, h, w); there is one light.

        Raises:
            ValueError: h or w is not a multiple of 16, or is under 32.
        """
        check_size(image)
        split = self.decomposition(image)
        relit: Tensor = split[:, :3] * self.adjustment(split) * 2 - 1
        return relit

    def judged(self, name: str, image: Tensor, light: Tensor | None) -> Tensor:
        """Return the reflectance (`decomposition`) or the relit photo; see the base class."""
        if name == "decomposition":
            return self.decomposition.picture(self.decomposition(image))
        return super().judged(name, image, light)

    def own_losses(self, name: str, image: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the losses of a stage, on pictures in [0, 1].

        Args:
            name: `decomposition` for the first stage, else the second.
            image: (n, 3, h, w) in [-1, 1].
            target: the same scenes under the wanted light.

        Returns:
            `reconstruction`: L1 of the relit photo; `smoothness` of the new illumination. For the
            first stage see `Decomposition.own_losses`.
        """
        if name == "decomposition":
            return self.decomposition.own_losses(image, target)
        split = self.decomposition(image)
        reflectance, illumination = split[:, :3], self.adjustment(split)
        return {
            "reconstruction": F.l1_loss(reflectance * illumination, (target + 1) / 2),
            "smoothness": _roughness(illumination, reflectance),
        }


def _roughness(illumination: Tensor, reflectance: Tensor) -> Tensor:
    """Return mean |grad I| exp(-lambda_g |grad R|): light may change at edges of surfaces."""
    grey = reflectance.mean(dim=1, keepdim=True)
    total = illumination.new_zeros(())
    for axis in (2, 3):
        change = illumination.diff(dim=axis).abs()
        edges = grey.diff(dim=axis).abs()
        total = total + (change * torch.exp(-_EDGE_SHARPNESS * edges)).mean()
    return total


def _resized(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="nearest")


def _initialise(module: nn.Module) -> None:
    """Preserve the variance through ReLUs (He et al. 2015), as there are no norms."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
