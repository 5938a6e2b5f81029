"""Grounds and walls: sheets in x, y whose height is z, plain or with a relief."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday.bodies import Rng, directed, mesh_of
from model_export.scenes.everyday.volumes import CLOUDY, SMOOTH, UNEVEN, noise
from model_export.scenes.shapes import grid_faces, unit

# x and y (n, n) and smooth noise of the same shape -> height (n, n), about 1 high.
Relief: TypeAlias = Callable[[Rng, FloatArray, FloatArray, FloatArray], FloatArray]


def dunes(rng: Rng, x: FloatArray, y: FloatArray, wild: FloatArray) -> FloatArray:
    """Keep the noise: plaster, sand, soil."""
    return wild


def folds(rng: Rng, x: FloatArray, y: FloatArray, wild: FloatArray) -> FloatArray:
    """Crease it: cloth, paper."""
    return -np.abs(wild)


def boards(rng: Rng, x: FloatArray, y: FloatArray, wild: FloatArray) -> FloatArray:
    """Lay planks with gaps."""
    across = (x * np.cos(1) + y * np.sin(1) + 0.02 * wild) / rng.uniform(0.2, 0.9)
    return np.asarray(np.minimum(np.abs(across % 1 - 0.5) * -12 + 6, 1) + 0.15 * wild)


def waves(rng: Rng, x: FloatArray, y: FloatArray, wild: FloatArray) -> FloatArray:
    """Corrugate it: tiles, fields, curtains."""
    return np.asarray(np.sin((x + 0.3 * wild) * rng.uniform(2, 8)) + 0.2 * wild)


def bricks(rng: Rng, x: FloatArray, y: FloatArray, wild: FloatArray) -> FloatArray:
    """Lay courses of bricks."""
    width, tones = rng.uniform(0.3, 1), rng.random((64, 64))
    row = np.floor(y / width * 2)
    along = x / width + 0.5 * (row % 2)
    to_side, to_course = 0.5 - np.abs(along % 1 - 0.5), 0.5 - np.abs((y / width * 2) % 1 - 0.5)
    tone = tones[np.floor(along).astype(int) % 64, row.astype(int) % 64]
    return np.asarray(
        np.minimum(np.minimum(to_side * 12, to_course * 7), 1) + 0.3 * tone + 0.1 * wild
    )


RELIEFS: tuple[Relief, ...] = (dunes, folds, boards, waves, bricks)


def sheet(
    rng: Rng, *, size: float, height: float = 0.0, relief: Relief | None = None, steps: int = 150
) -> Mesh:
    """Make a square sheet around the origin, facing up.

    Args:
        rng: source of the relief.
        size: side of the square.
        height: deviation of the relief; 0 makes two triangles.
        relief: its kind; any where it is None.
        steps: grid points along a side.
    """
    axis = np.linspace(-size / 2, size / 2, steps if height else 2)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    z: FloatArray = np.zeros_like(x)
    if height:
        slope, scale = rng.choice([UNEVEN, SMOOTH, CLOUDY]), rng.uniform(0.04, 0.25)
        flat = np.stack([x, y, z], axis=-1).reshape(-1, 3)
        wild = noise(flat, slope, scale=scale, shift=rng.uniform(0, 64, 3)).reshape(x.shape)
        relief = RELIEFS[rng.integers(len(RELIEFS))] if relief is None else relief
        z = height * relief(rng, x, y, wild)
    mesh = joined(np.stack([x, y, z], axis=-1))
    return mesh_of(mesh.positions, mesh.faces, directed(mesh.normals))


def joined(points: FloatArray) -> Mesh:
    """Join a grid of points (rows, columns, 3) into a smooth surface."""
    down, across = np.gradient(points, axis=0), np.gradient(points, axis=1)
    normals = unit(np.cross(down, across)).reshape(-1, 3)
    return mesh_of(points.reshape(-1, 3), grid_faces(*points.shape[:2]), normals)
