"""What is turned on a wheel or a lathe: cups, bowls, vases, bottles, plates."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday.bodies import Rng, mesh_of
from model_export.scenes.shapes import grid_faces, merged, unit

NUM_SIDES = 64
# Change of the profile's heading that makes an edge, radians.
_SHARP = 0.6


def turned(profile: FloatArray, *, folds: FloatArray | None = None) -> Mesh:
    """Turn a profile about the z axis; where it bends sharply, the surface has an edge.

    Args:
        profile: (k, 2) radius and height, from the bottom up outside, then down inside.
        folds: (65,) factors on the radius around the axis.
    """
    profile = np.asarray(profile, dtype=float)
    moves = np.r_[True, np.hypot(*np.diff(profile, axis=0).T) > 1e-9]
    profile = profile[moves]
    heading = np.unwrap(np.arctan2(*np.diff(profile, axis=0).T))
    corners = np.flatnonzero(np.abs(np.diff(heading)) > _SHARP) + 1
    ends = [0, *(int(c) for c in corners), len(profile) - 1]
    around = np.ones(NUM_SIDES + 1) if folds is None else folds
    return merged([_swept(profile[i : j + 1], around) for i, j in pairwise(ends)])


def _swept(profile: FloatArray, around: FloatArray) -> Mesh:
    """Turn a smooth piece of a profile; its normals lie to the right of its way."""
    angle = np.linspace(0, 2 * np.pi, NUM_SIDES + 1)
    radius = profile[:, :1] * around
    height = np.broadcast_to(profile[:, 1:], radius.shape)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=-1)
    along, across = np.gradient(points, axis=0), np.gradient(points, axis=1)
    across[:, 0] = across[:, -1] = (points[:, 1] - points[:, -2]) / 2
    axis = np.stack([-np.sin(angle), np.cos(angle), 0 * angle], axis=-1)
    across = np.where(radius[..., None] > 1e-6, across, axis)
    normals = unit(np.cross(across, along))
    return mesh_of(points.reshape(-1, 3), grid_faces(*radius.shape), normals.reshape(-1, 3))


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
