"""All trainable networks by name: the sizes of DRN and of the baselines.

`pix2pix` has the width of its paper, `pix2pix-s` a quarter of it and `pix2pix-xs` a sixteenth,
as with `drn`, `drn-s` and `drn-xs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from model_export.networks import drn
from model_export.networks.base import RelightingNetwork
from model_export.networks.baselines import Bpae, Pix2Pix, UNet
from model_export.networks.retinex import RetinexNet


def _of_one_light(
    network: Callable[[int], RelightingNetwork], width: int, num_lights: int
) -> RelightingNetwork:
    if num_lights != 1:
        raise ValueError(f"a baseline renders one light, not {num_lights}")
    return network(width)


# Name -> network and its width in the paper. The first three share DRN's width, so that they
# differ only in the aspect that the paper varies.
_BASELINES: Final[Mapping[str, tuple[Callable[[int], RelightingNetwork], int]]] = {
    "pix2pix": (Pix2Pix, 32),
    "shadadv": (Pix2Pix, 32),
    "bpae": (Bpae, 32),
    "u-net": (UNet, 64),
    "retinex-net": (RetinexNet, 64),
}
_SHRINKINGS: Final = {"": 1, "-s": 4, "-xs": 16}

ARCHITECTURES: Final[Mapping[str, Callable[[int], RelightingNetwork]]] = MappingProxyType(
    {
        f"{name}{suffix}": partial(_of_one_light, network, width // shrinking)
        for name, (network, width) in _BASELINES.items()
        for suffix, shrinking in _SHRINKINGS.items()
    }
    | {name: partial(drn.build, name) for name in drn.ARCHITECTURES}
)


def build(name: str, num_lights: int = 1) -> RelightingNetwork:
    """Return a freshly initialised network of the architecture that `ARCHITECTURES` names.

    Raises:
        ValueError: the architecture is unknown, or cannot render that many lights.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"architecture {name!r} is not one of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name](num_lights)
