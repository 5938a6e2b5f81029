"""The network in the form that the service runs: pixels in, pixels out.

`model_export.export.writer` traces `PixelGraph`. It gives the same results as `Drn`, up to the
last few bits of float32, in the form that ONNX Runtime runs fastest on a CPU:

- a bias before an instance norm cancels out and is dropped;
- the eight dilated branches share one reflection padding and one instance norm;
- the 7x7 paint layer becomes an 8x8 convolution of stride 2 with 4 x 3 channels, three for each
  pixel of a 2x2 cell, because three channels alone leave most of a vector register empty.

The last two together save 10 % of the CPU time of `drn-s` at 512x512. Transposed convolutions
as phase-wise convolutions (2x2 or 3x3) and one stem for both sub-networks were also measured:
they saved nothing.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_export.networks.drn import DILATIONS, Drn, MultiScalePerception


class PixelGraph(nn.Module):
    """Relight 8-bit pixels, as `service.contract.metadata` describes it.

    Args:
        network: rewritten in place; must not be used elsewhere.
        precision: type of the output.
    """

    def __init__(self, network: Drn, precision: torch.dtype) -> None:
        super().__init__()
        _drop_cancelled_biases(network)
        rerenderer = network.rerenderer
        rerenderer.register_module("perception", _SharedBorder(rerenderer.perception))
        paint, tanh = rerenderer.paint
        rerenderer.register_module("paint", nn.Sequential(_PhasePaint(paint), tanh))
        self.network = network
        self.precision = precision

    def forward(self, image: Tensor, light: Tensor | None = None) -> Tensor:
        """Map uint8 (n, h, w, 3) to float (n, h, w, 3) in [0, 1], both sRGB-encoded.

        For a network of several lights, `light`, int64 (n,), selects the wanted ones.
        """
        photo = image.permute(0, 3, 1, 2).float() / 127.5 - 1  # -> (n, 3, h, w) in [-1, 1]
        relit = (self.network(photo, light).permute(0, 2, 3, 1) + 1) / 2  # -> (n, h, w, 3)
        # A runtime's tanh may exceed 1 by a rounding error; the contract rules that out for pixels.
        pixels: Tensor = relit.clamp(0, 1).to(self.precision)
        return pixels


class _SharedBorder(nn.Module):
    """`MultiScalePerception` with one border for the widest branch, cropped after each branch."""

    def __init__(self, perception: MultiScalePerception) -> None:
        super().__init__()
        self.weights = nn.ParameterList(
            branch.get_parameter("0.weight") for branch in perception.branches
        )

    def forward(self, x: Tensor) -> Tensor:
        reach = max(DILATIONS)
        x = F.pad(x, (reach, reach, reach, reach), mode="reflect")
        branches = []
        for weight, dilation in zip(self.weights, DILATIONS, strict=True):
            seen = F.conv2d(x, weight, dilation=dilation)
            border = reach - dilation  # narrower branches leave a part of the border
            inner = slice(border, -border or None)
            branches.append(seen[..., inner, inner])
        return F.relu(F.instance_norm(torch.cat(branches, dim=1)))


class _PhasePaint(nn.Module):
    """A 7x7 convolution with reflection padding, four pixels per step; h and w are even."""

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        weight, bias = convolution.get_parameter("weight"), convolution.get_parameter("bias")
        small = weight.detach()  # (out, in, 7, 7)
        num_out, num_in, kernel, _ = small.shape
        self.border = kernel // 2
        wide = small.new_zeros(num_out, 2, 2, num_in, kernel + 1, kernel + 1)
        for row in range(2):
            for column in range(2):
                wide[:, row, column, :, row : row + kernel, column : column + kernel] = small
        self.weight = nn.Parameter(wide.flatten(0, 2))  # (4 out, in, 8, 8)
        self.bias = nn.Parameter(bias.detach().repeat_interleave(4))

    def forward(self, x: Tensor) -> Tensor:
        border = self.border
        x = F.pad(x, (border, border, border, border), mode="reflect")
        cells = F.conv2d(x, self.weight, self.bias, stride=2)  # (n, 4 out, h/2, w/2)
        return F.pixel_shuffle(cells, 2)  # -> (n, out, h, w)


def _drop_cancelled_biases(network: nn.Module) -> None:
    """Remove the bias of each convolution whose instance norm subtracts it again."""
    for block in network.modules():
        if isinstance(block, nn.Sequential):
            for layer, following in pairwise(block):
                if isinstance(following, nn.InstanceNorm2d):
                    layer.register_parameter("bias", None)
