"""Heads."""

from __future__ import annotations

import numpy as np

from model_export.scenes.everyday.bodies import Rng, Thing, fitted, moved
from model_export.scenes.everyday.lumps import Primitive, blended
from model_export.scenes.everyday.things import surfaced
from model_export.scenes.shapes import rotation

_FORM = (
    ((0, 0, 0.35), (0.55, 0.62, 0.62)),
    ((0, -0.12, 0.0), (0.42, 0.45, 0.5)),
    ((0, -0.58, 0.15), (0.1, 0.16, 0.2)),
    ((-0.24, -0.5, 0.02), (0.17, 0.12, 0.14)),
    ((0.24, -0.5, 0.02), (0.17, 0.12, 0.14)),
    ((0, -0.52, -0.2), (0.2, 0.1, 0.06)),
    ((0, -0.5, -0.38), (0.16, 0.13, 0.12)),
    ((0, -0.5, 0.42), (0.4, 0.12, 0.1)),
    ((-0.55, 0, 0.15), (0.08, 0.16, 0.2)),
    ((0.55, 0, 0.15), (0.08, 0.16, 0.2)),
    ((0, 0.05, -0.6), (0.27, 0.27, 0.5)),
    ((0, 0.1, -1.2), (1.0, 0.4, 0.4)),
)


def head(rng: Rng) -> Thing:
    """A head on shoulders, facing about -y."""
    primitives = [
        Primitive(
            "ellipsoid",
            np.array(center) + rng.normal(0, 0.03, 3),
            np.array(radii) * rng.uniform(0.85, 1.15, 3),
            np.eye(3),
        )
        for center, radii in _FORM
    ]
    mesh = blended(primitives, rng.uniform(0.05, 0.12), rng=rng)
    turn = rotation(rng.normal(0, 0.6), rng.normal(0, 0.15), rng.normal(0, 0.2))
    return moved(fitted([surfaced(rng, mesh)]), turn=turn)
