"""The small parts that `drn-g` is made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv_block(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Return a 3x3 convolution, a batch norm and a ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv_block(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, c, h, w) to the same shape."""
        return F.relu(x + self.second(self.first(x)))


class Up(nn.Module):
    """Enlarge what is coarse, and join it with what the encoder saw at that size."""

    def __init__(self, coarse_channels: int, channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(coarse_channels, channels, 1)
        self.join = nn.Sequential(conv_block(2 * channels, channels), ResidualBlock(channels))

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Map (n, C, h, w) and (n, c, 2h, 2w) to the shape of `skip`."""
        joined: Tensor = self.join(torch.cat([enlarge(self.project(coarse), skip), skip], dim=1))
        return joined


def coordinates(photo: Tensor) -> Tensor:
    """Return x (right) and y (up) of each pixel, (n, 2, h, w), 0 in the middle."""
    n, _, height, width = photo.shape
    side = (height * width) ** 0.5
    x = (torch.arange(width, device=photo.device, dtype=photo.dtype) + 0.5 - width / 2) * 2 / side
    y = (height / 2 - 0.5 - torch.arange(height, device=photo.device, dtype=photo.dtype)) * 2 / side
    plane = torch.stack([x[None, :].expand(height, width), y[:, None].expand(height, width)])
    return plane[None].expand(n, -1, -1, -1)


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """Resize (n, c, h, w) bilinearly to the height and width of another tensor."""
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def start_at_zero(head: nn.Conv2d) -> None:
    """Let a correction begin with none."""
    nn.init.zeros_(head.weight)
    assert head.bias is not None
    nn.init.zeros_(head.bias)
