"""Layouts between walls."""

from __future__ import annotations

import numpy as np

from model_export.scenes.everyday import lumps, sheets, skies
from model_export.scenes.everyday.bodies import (
    Composition,
    Context,
    Rng,
    Thing,
    fitted,
    moved,
    standing,
    turned_flat,
)
from model_export.scenes.everyday.cameras import looking_at
from model_export.scenes.everyday.textures import patterned
from model_export.scenes.everyday.things import shape, surfaced
from model_export.scenes.shapes import rotation


def walls(rng: Rng, half: float, depth: float) -> Thing:
    """A floor and three walls."""
    bodies = [surfaced(rng, sheets.sheet(rng, size=14), patterned(rng, size=2))]
    paint = patterned(rng, size=3)
    for yaw, at in ((0, (0, depth, 0)), (np.pi / 2, (-half, 0, 0)), (-np.pi / 2, (half, 0, 0))):
        sheet = sheets.sheet(rng, size=14, height=float(rng.choice([0, 0, 0.02])), steps=90)
        bodies += moved([surfaced(rng, sheet, paint)], at, turn=turned_flat(yaw))
    return bodies


def room(rng: Rng, context: Context) -> Composition:
    """Boxes and things on a floor between walls."""
    half, depth = rng.uniform(2, 4), rng.uniform(3, 6)
    bodies = walls(rng, half, depth)
    for _ in range(rng.integers(2, 9)):
        thing = fitted([surfaced(rng, lumps.block(rng))]) if rng.random() < 0.5 else shape(rng)
        thing = moved(thing, size=rng.uniform(0.25, 0.9), turn=rotation(rng.uniform(0, 6)))
        bodies += standing(thing, rng.uniform(-half, half), rng.uniform(-0.5, depth))
    reach, pitch = rng.uniform(1.2, 2.4), np.deg2rad(rng.uniform(0, 25))
    focus = (rng.normal(0, 0.5), 1, rng.uniform(0.6, 1.4))
    return Composition(
        layout="room",
        bodies=bodies,
        camera=looking_at(rng, focus, reach=reach, pitch=pitch, lowest=0.15),
        reach=reach,
        grounded=True,
        low_sun=rng.random() < 0.3,
        sky=skies.plain_background(rng),
    )
