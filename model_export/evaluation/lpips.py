"""LPIPS: the perceptual distance of two pictures, from features of a classification network.

    d(x, y) = sum_l mean_hw sum_c w_lc (x_lc - y_lc)^2        features of unit length

Source: Zhang, Isola, Efros, Shechtman and Wang, "The Unreasonable Effectiveness of Deep Features
as a Perceptual Metric", CVPR 2018, version 0.1. The features are those of SqueezeNet 1.1 or of
AlexNet; figures of different backbones cannot be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from model_export.checkpoint import load_tensors
from model_export.data.pairs import to_tensor
from model_export.data.sources import Picture

# ImageNet's means and deviations, for pictures in [-1, 1].
_SHIFT: Final = (-0.030, -0.088, -0.188)
_SCALE: Final = (0.458, 0.448, 0.450)
_EPSILON: Final = 1e-10


class NotLpips(ValueError):
    """The weights are not those of a backbone and its LPIPS layers."""


class _Fire(nn.Module):
    """SqueezeNet's block: few 1x1 channels, then 1x1 and 3x3 side by side."""

    def __init__(self, in_channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1).relu()


def squeezenet_features() -> tuple[nn.Sequential, Sequence[int]]:
    """Return torchvision's `squeezenet1_1.features`, and the layers whose output LPIPS compares."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, stride=2), nn.ReLU()]
    fires = [(64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128)]
    fires += [(256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256)]
    for index, channels in enumerate(fires):
        if index in (0, 2, 4):
            layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
        layers.append(_Fire(*channels))
    return nn.Sequential(*layers), (2, 5, 8, 10, 11, 12, 13)


def alexnet_features() -> tuple[nn.Sequential, Sequence[int]]:
    """Return torchvision's `alexnet.features`, and the layers whose output LPIPS compares."""
    features = nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
    )
    return features, (2, 5, 8, 10, 12)


class Lpips(nn.Module):
    """The metric.

    Args:
        backbone: state dict of torchvision's `squeezenet1_1` or `alexnet`, trained on ImageNet.
        layers: the weights w of LPIPS 0.1 for that backbone (`lin0.model.1.weight` ...).

    Attributes:
        backbone_name: `SqueezeNet` or `AlexNet`.

    Raises:
        NotLpips: the weights are of another network, or do not belong together.
    """

    def __init__(self, backbone: Mapping[str, Tensor], layers: Mapping[str, Tensor]) -> None:
        super().__init__()
        is_squeezenet = "features.3.squeeze.weight" in backbone
        self.backbone_name = "SqueezeNet" if is_squeezenet else "AlexNet"
        features, self._cuts = squeezenet_features() if is_squeezenet else alexnet_features()
        self.features = features
        prefix = "features."
        own = {k.removeprefix(prefix): v.float() for k, v in backbone.items() if prefix in k}
        try:
            self.features.load_state_dict(own)
            weights = [layers[f"lin{k}.model.1.weight"].float() for k in range(len(self._cuts))]
        except (KeyError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise NotLpips(
                f"not the weights of LPIPS with {self.backbone_name}: {reason}"
            ) from None
        for index, weight in enumerate(weights):
            self.register_buffer(f"weight{index}", weight)
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1))
        self.requires_grad_(False)

    @classmethod
    def open(cls, backbone: Path, layers: Path) -> Lpips:
        """Read both files.

        Raises:
            CheckpointError: a file does not contain tensors.
            NotLpips: see the class.
        """
        return cls(load_tensors(backbone), load_tensors(layers))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the distances of pictures, two (n, 3, h, w) in [-1, 1] -> (n,)."""
        both = (torch.cat([x, y]) - self.get_buffer("shift")) / self.get_buffer("scale")
        distance = both.new_zeros(len(x))
        for index, (begin, end) in enumerate(pairwise((0, *self._cuts))):
            both = self.features[begin:end](both)
            unit = both / (both.square().sum(dim=1, keepdim=True).sqrt() + _EPSILON)
            apart = (unit[: len(x)] - unit[len(x) :]).square()  # (n, c, h/2**k, w/2**k)
            weight = self.get_buffer(f"weight{index}")
            distance = distance + (apart * weight).sum(dim=1).mean(dim=(1, 2))
        return distance

    @torch.inference_mode()
    def distance(self, picture: Picture, target: Picture) -> float:
        """Return the distance of two pictures, uint8 (h, w, 3): 0 for equal ones."""
        return float(self(to_tensor(picture)[None], to_tensor(target)[None]))
