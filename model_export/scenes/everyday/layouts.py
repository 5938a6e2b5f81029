"""How things are put together and seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from model_export.scenes.everyday import indoors, land, studio, viditlike
from model_export.scenes.everyday.bodies import Composition, Rng

Layout = Callable[[Rng, int], Composition]

LAYOUTS: Mapping[str, tuple[Layout, float]] = MappingProxyType(
    {
        "table": (studio.table, 0.29),
        "portrait": (studio.portrait, 0.22),
        "relief": (studio.relief, 0.08),
        "landscape": (land.landscape, 0.13),
        "room": (indoors.room, 0.08),
        "vidit": (viditlike.vidit, 0.2),
    }
)


def compose(rng: Rng, seed: int) -> Composition:
    """Draw a layout and fill it.

    Args:
        rng: the scene's source of chance.
        seed: number of the scene, for layouts that have numbers of their own.
    """
    shares = np.array([share for _, share in LAYOUTS.values()])
    name = str(rng.choice(list(LAYOUTS), p=shares / shares.sum()))
    return LAYOUTS[name][0](rng, seed)
