"""What is turned on a wheel or a lathe: cups, bowls, vases, bottles, plates."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday.bodies import Rng, mesh_of
from model_export.scenes.shapes import grid_faces, smooth_normals, unit

NUM_SIDES = 64


def turned(profile: FloatArray, *, folds: FloatArray | None = None) -> Mesh:
    """Turn a profile about the z axis; normals point away from the axis on a plain rod.

    Args:
        profile: (k, 2) radius and height, from the bottom up outside, then down inside.
        folds: (65,) factors on the radius around the axis.
    """
    angle = np.linspace(0, 2 * np.pi, NUM_SIDES + 1)
    around = np.ones(len(angle)) if folds is None else folds
    radius = profile[:, :1] * around
    height = np.broadcast_to(profile[:, 1:], radius.shape)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=-1)
    positions, faces = points.reshape(-1, 3), grid_faces(*radius.shape)[:, ::-1]
    normals = smooth_normals(positions, faces).reshape(points.shape)
    normals[:, 0] = normals[:, -1] = unit(normals[:, 0] + normals[:, -1])
    return mesh_of(positions, faces, normals.reshape(-1, 3))


def walled(radius: FloatArray, height: FloatArray, thickness: float, floor: int) -> FloatArray:
    """Close a profile with an inner wall down to the floor-th point."""
    outer = np.column_stack([radius, height])
    inner = np.column_stack([radius - thickness, height])[floor:][::-1]
    rim = np.array([[radius[-1] - 0.3 * thickness, height[-1] + 0.4 * thickness]])
    bottom, ground = np.array([[0.0, height[floor]]]), np.array([[0.0, height[0]]])
    return np.concatenate([ground, outer, rim, inner, bottom])


def vessel(rng: Rng) -> Mesh:
    """Turn any profile: closed, or open with an inner wall."""
    knots = np.linspace(0, 1.6, rng.integers(3, 7))
    height = np.linspace(0, 1.6, 48)
    radius = PchipInterpolator(knots, rng.uniform(0.15, 0.7, len(knots)))(height)
    if rng.random() < 0.3:
        radius = np.full(48, rng.uniform(0.3, 0.7))
    angle = np.linspace(0, 2 * np.pi, NUM_SIDES + 1)
    waves = rng.choice([0, 0, 0.05, 0.15]) * np.cos(rng.integers(3, 20) * angle + rng.uniform(0, 6))
    if rng.random() < 0.5:
        profile = walled(radius, height, 0.1 * float(radius.mean()), 6)
    else:
        profile = np.concatenate([[(0, 0)], np.column_stack([radius, height]), [(0, 1.6)]])
    return turned(profile, folds=1 + waves)
