"""Walls and grounds with their surfaces: what stands behind and below."""

from __future__ import annotations

import numpy as np

from model_export.scenes.everyday import sheets
from model_export.scenes.everyday.bodies import Body, Rng, Texture, Thing, moved, turned_flat
from model_export.scenes.everyday.colors import color_of
from model_export.scenes.everyday.textures import mixture, patterned, plain
from model_export.scenes.everyday.things import surfaced

_MATERIALS = ("plaster", "stone", "brick", "wood", "grey", "white")


def wall_texture(rng: Rng, size: float) -> Texture:
    """Paint, plaster, stone, wood or paper."""
    if rng.random() < 0.3:
        return patterned(rng, size=size)
    color = color_of(rng, str(rng.choice(_MATERIALS)))
    if rng.random() < 0.5:
        return plain(rng, color)
    return mixture(rng, color, color * rng.uniform(0.6, 1.1), scale=rng.uniform(0.05, 0.3))


def wall(rng: Rng, size: float, at: tuple[float, float, float], *, yaw: float = 0.0) -> Thing:
    """Put up a square wall that faces -y, then turn it; at times with a relief.

    Args:
        rng: source of chance.
        size: side of the square.
        at: its middle.
        yaw: its turn about z, radians.
    """
    height = float(rng.choice([0, 0, 0, 0.01, 0.03, 0.08])) * size / 10
    mesh = sheets.sheet(rng, size=size, height=height, steps=170)
    return moved([surfaced(rng, mesh, wall_texture(rng, size / 4))], at, turn=turned_flat(yaw))


def curtain(rng: Rng, size: float, at: tuple[float, float, float]) -> Thing:
    """Hang a cloth in folds that faces -y."""
    mesh = sheets.sheet(rng, size=size, height=rng.uniform(0.02, 0.05) * size, relief=sheets.waves)
    return moved([surfaced(rng, mesh, wall_texture(rng, size / 4))], at, turn=turned_flat(0.0))


def ground(rng: Rng, size: float, *, height: float | None = None) -> Body:
    """Lay a square ground or table top at z = 0.

    Args:
        rng: source of chance.
        size: side of the square.
        height: deviation of its relief; drawn where it is None.
    """
    height = float(rng.choice([0, 0, 0.01, 0.03, 0.1])) if height is None else height
    top = sheets.sheet(rng, size=size, height=height, steps=180)
    wood = rng.random() < 0.4
    texture = grain(rng) if wood else patterned(rng, size=2)
    return surfaced(rng, top, texture)


def grain(rng: Rng) -> Texture:
    """Wood in boards along x or y."""
    color = color_of(rng, "wood")
    fine = mixture(rng, color, color * rng.uniform(0.4, 0.8), scale=0.5)
    wide, along = rng.uniform(0.3, 2.5), int(rng.integers(2))
    tones = rng.uniform(0.75, 1.1, 64)
    stretch = np.array([1.0, 1.0, 1.0])
    stretch[along] = 0.08

    def texture(points: np.ndarray, uvs: np.ndarray) -> np.ndarray:
        board = np.floor(points[:, 1 - along] / wide).astype(int)
        seam = np.abs(points[:, 1 - along] / wide % 1 - 0.5) > 0.495
        tone = tones[board % 64] * np.where(seam, 0.3, 1)
        return np.asarray(np.clip(fine(points * stretch, uvs) * tone[:, None], 0.01, 0.95))

    return texture
