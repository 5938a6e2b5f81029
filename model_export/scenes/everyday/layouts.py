"""How things are put together and seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from model_export.scenes.everyday import (
    facades,
    garden,
    indoors,
    land,
    pictures,
    portraits,
    studio,
    viditlike,
)
from model_export.scenes.everyday.bodies import Composition, Context, Rng
from model_export.scenes.maps import NIGHT_LAYOUT

Layout = Callable[[Rng, Context], Composition]

LAYOUTS: Mapping[str, tuple[Layout, float]] = MappingProxyType(
    {
        "person": (portraits.person_layout, 0.11),
        "face": (portraits.face_layout, 0.08),
        "figure": (portraits.figure_layout, 0.07),
        "animal": (portraits.animal_layout, 0.06),
        "closeup": (portraits.closeup, 0.08),
        "table": (studio.table, 0.1),
        "product": (studio.product, 0.05),
        "flat": (pictures.flat, 0.08),
        "relief": (studio.relief, 0.05),
        "garden": (garden.garden, 0.04),
        "foliage": (garden.foliage, 0.02),
        "landscape": (land.landscape, 0.06),
        "street": (facades.street, 0.04),
        "room": (indoors.room, 0.05),
        "vidit": (viditlike.vidit, 0.03),
        NIGHT_LAYOUT: (viditlike.night, 0.08),
    }
)


def compose(rng: Rng, context: Context) -> Composition:
    """Draw a layout and fill it."""
    shares = np.array([share for _, share in LAYOUTS.values()])
    name = str(rng.choice(list(LAYOUTS), p=shares / shares.sum()))
    return LAYOUTS[name][0](rng, context)
