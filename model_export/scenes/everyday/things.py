"""Things to put into scenes, each fitted into [-1, 1] with its surface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from model_export.scenes.description import Mesh
from model_export.scenes.everyday import clusters, lumps, vessels
from model_export.scenes.everyday.bodies import Body, Rng, Texture, Thing, fitted
from model_export.scenes.everyday.textures import patterned

_SHAPES: Mapping[Callable[[Rng], Mesh], float] = MappingProxyType(
    {
        lumps.lump: 0.28,
        lumps.boulder: 0.15,
        lumps.superquadric: 0.09,
        lumps.ball: 0.06,
        lumps.block: 0.12,
        vessels.vessel: 0.14,
        clusters.flower: 0.08,
        clusters.cluster: 0.06,
    }
)


def surfaced(rng: Rng, mesh: Mesh, texture: Texture | None = None) -> Body:
    """Give a mesh a surface; any texture where it is None, glossy every other time."""
    gloss = 0.0 if rng.random() < 0.5 else float(rng.uniform(0, 0.25))
    shininess = float(np.exp(rng.uniform(np.log(4), np.log(200))))
    return Body(mesh, patterned(rng) if texture is None else texture, gloss, shininess)


def shape(rng: Rng) -> Thing:
    """Draw any abstract thing."""
    makers, weights = list(_SHAPES), np.array(list(_SHAPES.values()))
    maker = makers[rng.choice(len(makers), p=weights / weights.sum())]
    return fitted([surfaced(rng, maker(rng))])
