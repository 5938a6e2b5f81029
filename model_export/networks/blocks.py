"""The building blocks of DRN and of the networks that it is compared with.

Every normalisation is an instance norm without affine parameters or running statistics, so the
bias of a convolution before one has no effect. It exists because published checkpoints have it.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

NUM_SCALES: Final = 4
NUM_RESIDUAL_BLOCKS: Final = 9
SIZE_MULTIPLE_PX: Final = 2**NUM_SCALES
MIN_SIZE_PX: Final = 2 * SIZE_MULTIPLE_PX  # reflection at the deepest level needs two pixels
INITIAL_STD: Final = 0.02
_MIN_VARIANCE: Final = 1e-4  # keeps the slope of the root finite for a uniform photo


def reflect_conv(
    in_channels: int, out_channels: int, kernel: int, *, dilation: int = 1
) -> nn.Conv2d:
    """Return a convolution that keeps the picture's size by reflecting its border."""
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel,
        padding=kernel // 2 * dilation,
        dilation=dilation,
        padding_mode="reflect",
    )


def conv_block(convolution: nn.Module, out_channels: int) -> nn.Sequential:
    """Return the paper's unit: convolution, instance norm, ReLU."""
    return nn.Sequential(convolution, nn.InstanceNorm2d(out_channels), nn.ReLU(inplace=True))


def pointwise(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return the unit with a 1x1 convolution."""
    return conv_block(nn.Conv2d(in_channels, out_channels, 1), out_channels)


def halve(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return the unit with a 3x3 convolution of stride 2."""
    convolution = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)
    return conv_block(convolution, out_channels)


def double(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return the unit with a 4x4 transposed convolution of stride 2."""
    convolution = nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1)
    return conv_block(convolution, out_channels)


class LightModulation(nn.Module):
    """A scale and a shift of each channel for the wanted light (FiLM: Perez et al. 2018).

        y = (1 + gamma[light]) x + beta[light]

    It starts as the identity, and remains so in a network of one light.
    """

    def __init__(self, num_lights: int, channels: int) -> None:
        super().__init__()
        self.table = nn.Embedding(num_lights, 2 * channels) if num_lights > 1 else None
        if self.table is not None:
            nn.init.zeros_(self.table.weight)

    def forward(self, x: Tensor, light: Tensor | None) -> Tensor:
        """Map (n, c, h, w) to the same shape; `light` is int64 (n,)."""
        if self.table is None:
            return x
        assert light is not None
        gamma, beta = self.table(light)[:, :, None, None].chunk(2, dim=1)  # (n, c, 1, 1) each
        modulated: Tensor = x * (1 + gamma) + beta
        return modulated


class ExposureModulation(nn.Module):
    """A scale and a shift of each channel for the exposure and the tint of the photo.

    The instance norm after the first convolution makes the features of a photo and of
    `a * photo + b` equal. This restores the lost statistics: mean and deviation of each colour.

        y = (1 + gamma(photo)) x + beta(photo)

    It starts as the identity.

    Attributes:
        hidden: maps six statistics of the photo to hidden features.
        modulation: maps these to gamma and beta.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(6, 2 * channels), nn.ReLU(inplace=True))
        self.modulation = nn.Linear(2 * channels, 2 * channels)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, photo: Tensor) -> Tensor:
        """Map (n, c, h, w) to the same shape; `photo` is (n, 3, h, w) in [-1, 1]."""
        mean = photo.mean(dim=(2, 3))  # (n, 3)
        variance = (photo - mean[:, :, None, None]).square().mean(dim=(2, 3))
        statistics = torch.cat([mean, (variance + _MIN_VARIANCE).sqrt()], dim=1)  # (n, 6)
        modulation = self.modulation(self.hidden(statistics))[:, :, None, None]
        gamma, beta = modulation.chunk(2, dim=1)  # (n, c, 1, 1) each
        modulated: Tensor = x * (1 + gamma) + beta
        return modulated


class PhotoGate(nn.Module):
    """Adds features of the photo, weighted by a gate on the painted features.

        y = x + gate(x) photo_features

    The network need not repaint colours and textures that are lit in the photo. The gate starts
    closed, so the block starts as the identity.

    Attributes:
        gate: 1x1, maps painted features to a weight for each feature of the photo.
        adapter: 3x3, maps the photo to the same number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Conv2d(channels, channels, 1)
        self.adapter = reflect_conv(3, channels, 3)
        for parameter in self.gate.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, photo: Tensor) -> Tensor:
        """Map (n, c, h, w) to the same shape; `photo` is (n, 3, h, w) in [-1, 1]."""
        kept: Tensor = x + self.gate(x) * self.adapter(photo)
        return kept


class DownBackProjection(nn.Module):
    """Halve the size, double the channels, and restore the information lost in halving.

        z = E1(x);  r = W1(x) - D2(z);  y = W2(z) + E2(r)

    Attributes:
        encode: E1, from x to half the size.
        decode: D2, from the code back to full size.
        encode_residual: E2, from the residual to half the size.
        weight_input: W1, 1x1 on x.
        weight_code: W2, 1x1 on the code.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        out_channels = 2 * in_channels
        self.encode = halve(in_channels, out_channels)
        self.decode = double(out_channels, out_channels)
        self.encode_residual = halve(out_channels, out_channels)
        self.weight_input = pointwise(in_channels, out_channels)
        self.weight_code = pointwise(out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to (n, 2c, h/2, w/2); h and w are even."""
        code = self.encode(x)  # (n, c, h, w) -> (n, 2c, h/2, w/2)
        lost = self.weight_input(x) - self.decode(code)  # (n, 2c, h, w)
        corrected: Tensor = self.weight_code(code) + self.encode_residual(lost)
        return corrected


class UpBackProjection(nn.Module):
    """Double the size, halve the channels, and correct by the back-projection error.

        h = D1(x);  r = W1(x) - E2(h);  y = W2(h) + D3(r)

    Attributes:
        decode: D1, from x to twice the size.
        encode: E2, from the result back to x's size.
        decode_residual: D3, from the error to twice the size.
        weight_input: W1, 1x1 on x.
        weight_result: W2, 1x1 on the result.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        out_channels = in_channels // 2
        self.decode = double(in_channels, out_channels)
        self.encode = halve(out_channels, out_channels)
        self.decode_residual = double(out_channels, out_channels)
        self.weight_input = pointwise(in_channels, out_channels)
        self.weight_result = pointwise(out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to (n, c/2, 2h, 2w)."""
        result = self.decode(x)  # (n, c, h, w) -> (n, c/2, 2h, 2w)
        difference = self.weight_input(x) - self.encode(result)  # (n, c/2, h, w)
        corrected: Tensor = self.weight_result(result) + self.decode_residual(difference)
        return corrected


class ModulatedResidualBlock(nn.Module):
    """Two 3x3 convolutions added to their input; no activation after the sum.

    Attributes:
        body: the two convolutions with their norms.
        between: modulation by the wanted light, between the convolutions.
        behind: modulation by the wanted light, after them.
    """

    def __init__(self, channels: int, num_lights: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_block(reflect_conv(channels, channels, 3), channels),
            reflect_conv(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )
        self.between = LightModulation(num_lights, channels)
        self.behind = LightModulation(num_lights, channels)

    def forward(self, x: Tensor, light: Tensor | None = None) -> Tensor:
        """Map (n, c, h, w) to the same shape; h and w are at least 2."""
        first, second, norm = self.body
        hidden = self.between(first(x), light)
        refined: Tensor = x + self.behind(norm(second(hidden)), light)
        return refined


def check_size(image: Tensor) -> None:
    """Refuse pictures that cannot be halved four times.

    Raises:
        ValueError: h or w is not a multiple of 16, or is under 32.
    """
    height_px, width_px = image.shape[-2:]
    if height_px % SIZE_MULTIPLE_PX or width_px % SIZE_MULTIPLE_PX:
        raise ValueError(
            f"a picture of {width_px}x{height_px} px has a side that is not a multiple of"
            f" {SIZE_MULTIPLE_PX}"
        )
    if min(height_px, width_px) < MIN_SIZE_PX:
        raise ValueError(
            f"a picture of {width_px}x{height_px} px has a side below {MIN_SIZE_PX} px"
        )


def initialise(module: nn.Module) -> None:
    """Start as pix2pix does: weights from N(0, 0.02), biases at zero.

    Before an instance norm the scale of the weights does not change the output, only the relative
    size of an optimiser step. The authors' learning rates assume this scale.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, std=INITIAL_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
