"""LPIPS with random features: it has the metric's properties, and needs no download."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from model_export.evaluation.lpips import Lpips, squeezenet_features


def random_weights(
    network: Callable[[], tuple[nn.Sequential, Sequence[int]]],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return weights of a backbone and of its LPIPS layers, under their published names."""
    features, cuts = network()
    generator = torch.Generator().manual_seed(0)
    for module in features.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, generator=generator)
    backbone = {f"features.{name}": weight for name, weight in features.state_dict().items()}
    layers = {}
    for index, cut in enumerate(cuts):
        num_channels = features[:cut](torch.zeros(1, 3, 64, 64)).shape[1]
        weight = torch.rand(1, num_channels, 1, 1, generator=generator)
        layers[f"lin{index}.model.1.weight"] = weight
    return backbone | {"classifier.1.weight": torch.zeros(1)}, layers


def random_lpips() -> Lpips:
    return Lpips(*random_weights(squeezenet_features))
