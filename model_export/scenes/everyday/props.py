"""Things of `render`'s scenes in everyday surfaces: trees, houses, fences, furniture."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from model_export.scenes.description import Mesh
from model_export.scenes.everyday.bodies import Body, Rng, Thing
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.textures import mixture, plain
from model_export.scenes.parts import Parts
from model_export.scenes.shapes import merged, unit

# The colours that a material of `builder.COMMON` gets here; None is any colour.
_COLORS: Final[dict[str, str | None]] = {
    "bark": "wood",
    "wood": "wood",
    "old_wood": "wood",
    "leaves": "leaf",
    "grass": "leaf",
    "dry_grass": "earth",
    "stone": "stone",
    "rock": "stone",
    "wall": "plaster",
    "roof": "brick",
    "metal": "grey",
}
# How far the normals of leaves follow the crown as a whole.
_CROWN: Final = 1.2


def _rounded(leaves: Mesh) -> Mesh:
    """Bend the normals of leaves towards those of the crown, which the eye sees from afar."""
    middle = leaves.positions.mean(axis=0)
    outward = unit(leaves.positions - middle)
    facing = np.sign((leaves.normals * outward).sum(axis=1))[:, None]
    return replace(leaves, normals=unit(leaves.normals * facing + _CROWN * outward))


def dressed(rng: Rng, parts: Parts) -> Thing:
    """Join parts by material and give each material a colour."""
    thing: Thing = []
    for name in dict.fromkeys(name for name, _ in parts):
        mesh = merged([mesh for other, mesh in parts if other == name])
        kind = _COLORS.get(name)
        color = any_color(rng) if kind is None else color_of(rng, kind)
        if name == "dark":
            thing.append(Body(mesh, plain(rng, np.full(3, 0.03)), 0.3, 80.0, reflection=0.15))
            continue
        texture = mixture(rng, color, color * rng.uniform(0.5, 0.9), scale=rng.uniform(0.1, 0.4))
        thing.append(Body(_rounded(mesh) if name == "leaves" else mesh, texture))
    return thing
