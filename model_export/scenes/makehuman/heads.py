"""Builds `heads.npz`: the skin of heads with their necks, and the eyes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from model_export.scenes.description import FloatArray, IntArray
from model_export.scenes.makehuman.assets import Assets
from model_export.scenes.makehuman.forms import FACE_PARTS, draw_build, draw_details
from model_export.scenes.makehuman.principal_components import principal_components, renumbered

_NUM_COMPONENTS: Final = 80
_LOWEST, _WIDEST = 5.8, 0.97  # of what is kept of the body, in the units of the base mesh
_NECK: Final = 6.45  # vertices above it make up the head


def build(assets: Assets, out: Path, *, num_heads: int = 2500, seed: int = 0) -> None:
    """Write the model of heads.

    Args:
        assets: MakeHuman's data.
        out: file to write.
        num_heads: how many to draw.
        seed: of their forms.
    """
    vertices = assets.vertices
    quads = assets.groups["body"]
    inside = (vertices[:, 1] > _LOWEST) & (np.abs(vertices[:, 0]) < _WIDEST)
    quads = quads[inside[quads].all(axis=1)]
    skin = np.unique(quads)
    eyes = [np.unique(assets.groups[f"helper-{side}-eye"]) for side in "rl"]
    kept = np.concatenate([skin, *eyes])
    of_head = np.flatnonzero(vertices[skin, 1] > _NECK)
    rng = np.random.default_rng(seed)
    heads = np.empty((num_heads, len(kept), 3), np.float32)
    for head in heads:
        positions = vertices.copy()
        draw_build(rng, positions, assets, whole=False)
        draw_details(rng, positions, assets, FACE_PARTS)
        head[:] = _normalised(positions[kept], of_head)
    model: dict[str, Any] = principal_components(heads, _NUM_COMPONENTS)
    np.savez_compressed(out, **model, faces=renumbered(quads, skin), num_skin=len(skin))


def _normalised(positions: FloatArray, of_head: IntArray) -> FloatArray:
    """Centre a head and scale it so that its chin lies at z = -1 and its crown at z = 1.

    MakeHuman's axes are x to the left of the person, y up, z to the front; ours have z up and the
    front at -y.
    """
    head = positions[of_head]
    low, high = head.min(axis=0), head.max(axis=0)
    x, y, z = ((positions - (low + high) / 2) * 2 / (high - low)[1]).T
    return np.stack([x, -z, y], axis=1)
