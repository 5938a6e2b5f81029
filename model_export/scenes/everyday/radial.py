"""Fine surfaces that can be seen whole from a point inside: heads, busts, hair, coats.

A ray from the centre meets the surface once, so that a grid of rays makes a mesh as fine as
wanted, at a fraction of the cost of a volume.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday.bodies import mesh_of
from model_export.scenes.everyday.lumps import Primitive, field_of
from model_export.scenes.shapes import grid_faces, unit

_NUM_STEPS = 12
_STRIDE = 0.9


def rays(num_rings: int, num_sides: int, *, front: float = 0.0) -> FloatArray:
    """Directions (num_rings, num_sides + 1, 3) from pole to pole; the first column is +y.

    Args:
        num_rings: rows between the poles.
        num_sides: columns around z; the last direction of a row equals the first.
        front: how much denser the columns lie about -y; below 1.
    """
    polar = np.linspace(1e-3, np.pi - 1e-3, num_rings)[:, None]
    t = np.linspace(-np.pi, np.pi, num_sides + 1)
    azimuth = t - front * np.sin(t)
    x, y = np.sin(polar) * np.sin(azimuth), -np.sin(polar) * np.cos(azimuth)
    return np.stack([x, y, np.broadcast_to(np.cos(polar), x.shape)], axis=-1)


def reached(
    primitives: list[Primitive], directions: FloatArray, *, start: float, blend: float
) -> FloatArray:
    """Distance at which rays from the origin meet melted primitives, coming from outside.

    Args:
        primitives: see `field_of`.
        directions: (..., 3).
        start: a distance outside of everything.
        blend: width of the seams.
    """
    flat = directions.reshape(-1, 3).astype(np.float32)
    distance = np.full(len(flat), start, np.float32)
    for _ in range(_NUM_STEPS):
        gap = field_of(primitives, flat * distance[:, None], blend)
        distance = np.maximum(distance - _STRIDE * gap, 0.02)
    return distance.reshape(directions.shape[:-1])


def skin_of(points: FloatArray) -> Mesh:
    """Join a grid of points (rings, sides + 1, 3) around z into a mesh that faces outwards."""
    down, around = np.gradient(points, axis=0), np.gradient(points, axis=1)
    around[:, 0] = around[:, -1] = (points[:, 1] - points[:, -2]) / 2
    normals = unit(np.cross(around, down))
    outward = np.sign((normals * (points - points.mean(axis=(0, 1)))).sum())
    faces = grid_faces(*points.shape[:2])
    return mesh_of(points.reshape(-1, 3), faces, outward * normals.reshape(-1, 3))


def radial(
    primitives: list[Primitive],
    *,
    start: float,
    blend: float,
    num_rings: int = 120,
    num_sides: int = 160,
    front: float = 0.0,
    relief: Callable[[FloatArray], FloatArray] | None = None,
) -> Mesh:
    """Mesh melted primitives around the origin.

    Args:
        primitives: see `field_of`.
        start: a distance outside of everything.
        blend: width of the seams.
        num_rings: rows from pole to pole.
        num_sides: columns around z.
        front: see `rays`.
        relief: points (n, 3) of the surface -> how far each is pushed outwards (n,).
    """
    directions = rays(num_rings, num_sides, front=front)
    distance = reached(primitives, directions, start=start, blend=blend)
    points = directions * distance[..., None]
    if relief is not None:
        push = relief(points.reshape(-1, 3)).reshape(distance.shape)
        points = directions * (distance + push)[..., None]
    return skin_of(points)
