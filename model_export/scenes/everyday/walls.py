"""Walls and grounds with their surfaces: what stands behind and below."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday import sheets
from model_export.scenes.everyday.bodies import (
    Body,
    Rng,
    Texture,
    Thing,
    directed,
    mesh_of,
    moved,
    turned_flat,
)
from model_export.scenes.everyday.colors import color_of
from model_export.scenes.everyday.textures import mixture, patterned, plain
from model_export.scenes.everyday.things import surfaced
from model_export.scenes.everyday.volumes import SMOOTH, noise

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
    axis = np.linspace(-size / 2, size / 2, 200)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    flat = np.stack([x, 0.1 * y, 0 * x], axis=-1).reshape(-1, 3) / size
    bend = noise(flat, SMOOTH, scale=0.6, shift=rng.uniform(0, 64, 3)).reshape(x.shape)
    depth, rate = rng.uniform(0.01, 0.03) * size, rng.uniform(20, 60) / size
    mesh = sheets.joined(np.stack([x, y, depth * np.sin(rate * x + 2 * bend)], axis=-1))
    mesh = mesh_of(mesh.positions, mesh.faces, directed(mesh.normals))
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

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        board = np.floor(points[:, 1 - along] / wide).astype(int)
        seam = np.abs(points[:, 1 - along] / wide % 1 - 0.5) > 0.495
        tone = tones[board % 64] * np.where(seam, 0.3, 1)
        return np.asarray(np.clip(fine(points * stretch, uvs) * tone[:, None], 0.01, 0.95))

    return texture
