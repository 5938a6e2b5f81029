"""The image-to-image networks of the DRN paper's comparison.

    Pix2Pix   Isola et al. 2017, with the paper's generator: four strided convolutions, nine
              residual blocks, four transposed convolutions
    ShadAdv   the same generator, also trained by a second discriminator for dark regions
    BPAE      ShadAdv with back-projection blocks in place of the strided convolutions
    U-Net     Ronneberger et al. 2015, with a picture as output

Retinex-Net, which splits the picture, is in `retinex`. Pictures are (n, 3, h, w) in [-1, 1];
h and w are multiples of 16.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model_export.networks.base import RelightingNetwork
from model_export.networks.blocks import (
    NUM_RESIDUAL_BLOCKS,
    NUM_SCALES,
    DownBackProjection,
    ModulatedResidualBlock,
    UpBackProjection,
    check_size,
    conv_block,
    double,
    halve,
    initialise,
    reflect_conv,
)


class Autoencoder(RelightingNetwork):
    """An hourglass from photo to photo, without skip connections.

    Args:
        width: channels at full size; doubled by each halving.
        down: from a number of channels to the layer that halves the size.
        up: from a number of channels to the layer that doubles the size.

    Attributes:
        stem: 7x7, 3 channels to `width`.
        encoder: four steps to half the size and twice the channels.
        bottleneck: nine `ModulatedResidualBlock`.
        decoder: four steps back to full size.
        head: 7x7 and tanh, to the picture.
    """

    def __init__(
        self, width: int, down: Callable[[int], nn.Module], up: Callable[[int], nn.Module]
    ) -> None:
        super().__init__()
        widths = [width * 2**scale for scale in range(NUM_SCALES)]  # c, 2c, 4c, 8c
        deepest = width * 2**NUM_SCALES
        self.stem = conv_block(reflect_conv(3, width, 7), width)
        self.encoder = nn.Sequential(*(down(c) for c in widths))
        self.bottleneck = nn.Sequential(
            *(ModulatedResidualBlock(deepest) for _ in range(NUM_RESIDUAL_BLOCKS))
        )
        self.decoder = nn.Sequential(*(up(2 * c) for c in reversed(widths)))
        self.head = nn.Sequential(reflect_conv(width, 3, 7), nn.Tanh())
        self.apply(initialise)

    def forward(self, image: Tensor, light: Tensor | None = None) -> Tensor:
        """Relight photos, (n, 3, h, w) -> (n, 3, h, w); there is one light.

        Raises:
            ValueError: h or w is not a multiple of 16, or is under 32.
        """
        check_size(image)
        code = self.encoder(self.stem(image))  # (n, 3, h, w) -> (n, 16c, h/16, w/16)
        relit: Tensor = self.head(self.decoder(self.bottleneck(code)))  # -> (n, 3, h, w)
        return relit


class Pix2Pix(Autoencoder):
    """Strided and transposed convolutions; ShadAdv has the same network."""

    def __init__(self, width: int) -> None:
        super().__init__(width, lambda c: halve(c, 2 * c), lambda c: double(c, c // 2))


class Bpae(Autoencoder):
    """The back-projection autoencoder."""

    def __init__(self, width: int) -> None:
        super().__init__(width, DownBackProjection, UpBackProjection)


class UNet(RelightingNetwork):
    """Two convolutions at each of five scales, joined across the hourglass.

    Borders are reflected, so that the picture keeps its size (the original crops), and instance
    norms replace the batch norms of later U-Nets.

    Args:
        width: channels at full size, 64 in the original.

    Attributes:
        encoder: two convolutions at each scale, from full size to a sixteenth.
        enlarge: 2x2 transposed convolutions, from each scale to the finer one.
        decoder: two convolutions at each scale on the way back.
        head: 1x1 and tanh, to the picture.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [width * 2**scale for scale in range(NUM_SCALES + 1)]  # c ... 16c
        self.encoder = nn.ModuleList(
            _two_convolutions(before, after)
            for before, after in zip([3, *widths[:-1]], widths, strict=True)
        )
        coarse_to_fine = widths[:0:-1]  # 16c ... 2c
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(c, c // 2, kernel_size=2, stride=2) for c in coarse_to_fine
        )
        self.decoder = nn.ModuleList(_two_convolutions(c, c // 2) for c in coarse_to_fine)
        self.head = nn.Sequential(nn.Conv2d(width, 3, kernel_size=1), nn.Tanh())
        self.apply(initialise)

    def forward(self, image: Tensor, light: Tensor | None = None) -> Tensor:
        """Relight photos, (n, 3, h, w) -> (n, 3, h, w); there is one light.

        Raises:
            ValueError: h or w is not a multiple of 16, or is under 32.
        """
        check_size(image)
        seen = []
        x = image
        for scale, convolutions in enumerate(self.encoder):
            x = convolutions(F.max_pool2d(x, 2) if scale else x)
            seen.append(x)
        seen.pop()  # the decoder starts from the coarsest scale: (n, 16c, h/16, w/16)
        for enlarge, convolutions in zip(self.enlarge, self.decoder, strict=True):
            x = convolutions(torch.cat([seen.pop(), enlarge(x)], dim=1))
        relit: Tensor = self.head(x)  # (n, c, h, w) -> (n, 3, h, w)
        return relit


def _two_convolutions(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        conv_block(reflect_conv(in_channels, out_channels, 3), out_channels),
        conv_block(reflect_conv(out_channels, out_channels, 3), out_channels),
    )
