"""Many small ones together: berries, pebbles, leaves, petals, blades of grass."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday.bodies import Rng, mesh_of, random_turn
from model_export.scenes.shapes import copies, grid_faces, merged, placed, unit
from model_export.scenes.stones import icosphere, ripples


def _leaf() -> Mesh:
    u, v = np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 5), indexing="ij")
    width = 0.5 * np.sqrt(np.clip(1.05 - u**2, 0, 1))
    points = np.stack([u, v * width, 0.3 * u**2 + 0.2 * v**2], axis=-1).reshape(-1, 3)
    return mesh_of(points, grid_faces(7, 5))


def _pebble(rng: Rng, roughness: float) -> Mesh:
    positions, faces = icosphere(3)
    return mesh_of(positions * (1 + roughness * ripples(rng, positions, 1.5, 3))[:, None], faces)


def cluster(rng: Rng) -> Mesh:
    """Heap berries, pebbles or leaves into a ball."""
    kind, count = rng.integers(3), int(rng.integers(20, 160))
    piece = (_leaf(), _pebble(rng, 0.0), _pebble(rng, 0.2))[kind]
    size = rng.uniform(0.08, 0.24)
    at = unit(rng.normal(size=(count, 3))) * rng.random((count, 1)) ** 0.33 * [0.9, 0.9, 0.72]
    turns = np.stack([random_turn(rng) for _ in range(count)])
    return copies(piece, at, turns, size * rng.uniform(0.7, 1.3, count))


def _petal(rng: Rng, length: float, width: float, lift: float) -> Mesh:
    u, v = np.meshgrid(np.linspace(0, 1, 9), np.linspace(-1, 1, 7), indexing="ij")
    y = v * width * np.sin(np.pi * np.clip(u * 0.85 + 0.12, 0, 1)) ** 0.7
    r = length * u
    z = rng.uniform(0.1, 0.4) * length * v**2 * u + rng.uniform(-0.3, 0.2) * length * u**2
    c, s = np.cos(lift), np.sin(lift)
    points = np.stack([r * c - z * s, y, r * s + z * c], axis=-1).reshape(-1, 3)
    return mesh_of(points, grid_faces(9, 7))


def flower(rng: Rng) -> Mesh:
    """Set petals in rings, from a daisy to a rose, facing -y or up."""
    petals, num_rings = [], int(rng.integers(2, 9))
    for ring in range(num_rings):
        outward = (ring + 1) / num_rings
        length = 0.25 + 0.75 * outward
        count = int(rng.integers(5, 9)) + int(6 * outward * (num_rings > 4))
        width = length * np.pi / count * rng.uniform(0.9, 1.5)
        lift = (1 - outward) * rng.uniform(0.9, 1.3) + rng.normal(0.1, 0.05)
        for k in range(count):
            petal = _petal(rng, length, width, lift + rng.normal(0, 0.06))
            yaw = 2 * np.pi * (k + 0.5 * (ring % 2)) / count + rng.normal(0, 0.05)
            petals.append(placed(petal, yaw=yaw))
    return placed(merged(petals), yaw=rng.normal(0, 0.5), roll=rng.uniform(0.2, 1.5))


def grass(rng: Rng, half: float, count: int, length: float) -> Mesh:
    """Grow bent blades on the square [-half, half].

    Args:
        rng: source of chance.
        half: half of the square's side.
        count: number of blades.
        length: of a blade.
    """
    base = np.column_stack([rng.uniform(-half, half, (count, 2)), np.zeros(count)])
    lengths, width = length * rng.uniform(0.6, 1.3, count), length * rng.uniform(0.02, 0.05)
    azimuth, bend = rng.uniform(0, 2 * np.pi, count), rng.normal(0.25, 0.2, count)
    along = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=1)
    across = np.column_stack([-along[:, 1], along[:, 0], np.zeros(count)])
    rows: list[FloatArray] = []
    for t in (0.0, 0.5, 1.0):
        reach = (bend * lengths * t**2)[:, None] * along
        middle = base + np.column_stack([reach, lengths * t])
        rows += [middle + side * width * (1 - 0.9 * t) * across for side in (-1, 1)]
    positions = np.stack(rows, axis=1).reshape(-1, 3)
    triangles = np.array([[0, 1, 2], [1, 3, 2], [2, 3, 4], [3, 5, 4]])
    faces = (triangles + 6 * np.arange(count)[:, None, None]).reshape(-1, 3)
    normals = unit(np.column_stack([along, np.full(count, -0.4)]))
    return mesh_of(positions, faces, np.repeat(normals, 6, axis=0))
