"""Rocks, chips and the uneven ground: what nature has broken and piled up."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import numpy as np
from scipy.spatial import ConvexHull

from model_export.scenes.description import FloatArray, IntArray, Mesh
from model_export.scenes.shapes import copies, rotation, sheet, unit, unwelded

HeightField: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]


@cache
def icosphere(subdivisions: int) -> tuple[FloatArray, IntArray]:
    """Vertices and triangles of a subdivided icosahedron, radius 1."""
    golden = (1 + 5**0.5) / 2
    pairs = [(a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    corners = [(0, a, b) for a, b in pairs] + [(a, b, 0) for a, b in pairs]
    positions = unit(np.array(corners + [(b, 0, a) for a, b in pairs]))
    faces = ConvexHull(positions).simplices
    a, b, c = (positions[faces[:, k]] for k in range(3))
    inward = (np.cross(b - a, c - a) * a).sum(axis=1) < 0
    faces = np.where(inward[:, None], faces[:, ::-1], faces)
    for _ in range(subdivisions):
        sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        edges, index = np.unique(np.sort(sides, axis=1), axis=0, return_inverse=True)
        ab, bc, ca = index.reshape(3, -1) + len(positions)
        i, j, k = faces.T
        quarters = ((i, ab, ca), (j, bc, ab), (k, ca, bc), (ab, bc, ca))
        faces = np.concatenate([np.stack(quarter, axis=1) for quarter in quarters])
        positions = np.concatenate([positions, unit(positions[edges].mean(axis=1))])
    return positions, faces


def ripples(
    rng: np.random.Generator, points: FloatArray, frequency: float, num_octaves: int
) -> FloatArray:
    """Sum random plane waves of rising frequency at points (n, 3); about -1 to 1."""
    total = np.zeros(len(points))
    for octave in range(num_octaves):
        waves = rng.normal(0, frequency * 2**octave, (6, 3))
        phase = rng.uniform(0, 2 * np.pi, 6)
        total += 0.55**octave * np.cos(points @ waves.T + phase).sum(axis=1) / 3
    return total


def boulder(
    rng: np.random.Generator, radius_m: float, *, detail: int = 4, flatness: float | None = None
) -> Mesh:
    """Make a weathered rock: a lump, split along planes, with rough faces.

    Args:
        rng: source of the form.
        radius_m: half of its length.
        detail: subdivisions; 20 * 4**detail triangles.
        flatness: height over length; drawn from 0.5 to 0.9 where it is None.
    """
    points, faces = icosphere(detail)
    points = points * (1 + 0.16 * ripples(rng, points, 1.3, 3))[:, None]
    for _ in range(rng.integers(5, 12)):
        normal, depth = unit(rng.normal(size=3)), rng.uniform(0.55, 0.85)
        over = np.maximum(points @ normal - depth, 0)
        points = points - 0.9 * over[:, None] * normal
    craggy = 0.035 if radius_m < 1.3 else 0.07
    points = points * (1 + craggy * ripples(rng, points, 4, detail - 1))[:, None]
    height = rng.uniform(0.5, 0.9) if flatness is None else flatness
    points = points * [1, rng.uniform(0.65, 1), height] * radius_m
    points = points @ rotation(rng.uniform(0, 6), *rng.normal(0, 0.25, 2)).T
    points[:, 2] -= 0.7 * points[:, 2].min()  # a third of its lower half is in the ground
    return unwelded(points, faces)


def chip(rng: np.random.Generator, flatness: float = 0.6) -> Mesh:
    """Make a small sharp stone of radius 1, for scattering."""
    points, faces = icosphere(1)
    points = points * rng.uniform(0.6, 1.15, (len(points), 1)) * [1, rng.uniform(0.5, 1), flatness]
    return unwelded(points, faces, crisp=True)


def scattered(
    rng: np.random.Generator, mesh: Mesh, xy: FloatArray, ground: HeightField, sizes: FloatArray
) -> Mesh:
    """Drop copies of a small mesh on the ground at `xy` (k, 2), turned and tilted at random."""
    yaw, tilt, lean = rng.uniform(0, 2 * np.pi, len(xy)), *rng.normal(0, 0.3, (2, len(xy)))
    turns = np.stack([rotation(*angles) for angles in zip(yaw, tilt, lean, strict=True)])
    z = ground(xy[:, 0], xy[:, 1]) + 0.2 * sizes
    return copies(mesh, np.column_stack([xy, z]), turns, sizes)


def rolling_ground(
    rng: np.random.Generator, *, relief_m: float, roughness_m: float, rise_m: float = 0.0
) -> HeightField:
    """Make hills, bumps and ruts, 0 at the origin.

    Args:
        rng: source of the form.
        relief_m: height of waves 20 m long; shorter ones are lower in proportion.
        roughness_m: height of the bumps underfoot.
        rise_m: how far the land rises at 15 m from the origin.
    """
    length_m = np.array([30, 20, 14, 9, 6, 4.5, 3, 2, *rng.uniform(0.5, 1.6, 24)])
    height_m = np.concatenate([relief_m * (length_m[:8] / 20) ** 1.1, np.full(24, roughness_m / 5)])
    azimuth, phase = rng.uniform(0, 2 * np.pi, (2, len(length_m)))
    wave_x = 2 * np.pi / length_m * np.cos(azimuth)
    wave_y = 2 * np.pi / length_m * np.sin(azimuth)

    def raw(x: FloatArray, y: FloatArray) -> FloatArray:
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        z = rise_m * np.maximum(np.hypot(x, y) / 15 - 0.4, 0) ** 1.5
        for kx, ky, p, h in zip(wave_x, wave_y, phase, height_m, strict=True):
            z = z + h * np.sin(kx * x + ky * y + p)
        return np.asarray(z)

    zero = raw(np.zeros(1), np.zeros(1))[0]
    return lambda x, y: raw(x, y) - zero


def ground_mesh(ground: HeightField, *, extent_m: float = 70.0, num_steps: int = 320) -> Mesh:
    """Lay a grid over the ground, fine near the origin and coarse far away."""
    step = np.linspace(-1, 1, num_steps)
    x, y = np.meshgrid(*[np.sign(step) * np.abs(step) ** 1.7 * extent_m / 2] * 2)
    points = np.stack([x, y, ground(x, y)], axis=-1)
    return sheet(points, points[..., :2])
