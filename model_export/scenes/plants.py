"""What grows: grass in tufts, bushes, trees, stumps and logs."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.parts import Parts
from model_export.scenes.shapes import placed, tube, unit
from model_export.scenes.stones import HeightField

Rng = np.random.Generator


def _strips(points: FloatArray, uv: FloatArray) -> Mesh:
    """Join ribbons (k, rows, 2 sides, 3) into one mesh; `uv` (k, 2) picks each one's tone."""
    count, rows = points.shape[:2]
    ahead = unit(points[:, -1].mean(axis=1) - points[:, 0].mean(axis=1))
    normal = unit(np.cross(ahead, points[:, 0, 1] - points[:, 0, 0]))
    row = np.arange(rows - 1)[:, None] * 2
    faces = np.concatenate([row + np.array(quad) for quad in ((0, 1, 3), (0, 3, 2))])
    shift = np.arange(count)[:, None, None] * rows * 2
    return Mesh(
        points.reshape(-1, 3),
        np.repeat(normal, rows * 2, axis=0),
        np.repeat(uv, rows * 2, axis=0),
        (faces + shift).reshape(-1, 3),
    )


def grass(rng: Rng, xy: FloatArray, ground: HeightField, height_m: float) -> Mesh:
    """Grow bent blades of grass at `xy` (k, 2), in tufts."""
    count = len(xy)
    root = np.column_stack([xy, ground(xy[:, 0], xy[:, 1]) - 0.01])
    height = height_m * rng.uniform(0.4, 1.3, count)
    lean_angle = rng.uniform(0, 2 * np.pi, count)
    lean = np.stack([np.cos(lean_angle), np.sin(lean_angle), 0 * height], axis=1)
    bend = (height * rng.uniform(0.1, 0.9, count))[:, None] * lean
    side_angle = rng.uniform(0, 2 * np.pi, count)
    side = np.stack([np.cos(side_angle), np.sin(side_angle), 0 * height], axis=1)
    rows = []
    for t, width in ((0.0, 1.0), (0.55, 0.8), (1.0, 0.1)):
        spine = root + bend * t**2 + np.array([0, 0, 1]) * (height * t * (1 - 0.15 * t))[:, None]
        half = side * (0.004 + 0.018 * height_m) * width
        rows.append(np.stack([spine - half, spine + half], axis=1))
    return _strips(np.stack(rows, axis=1), rng.random((count, 2)))


def tufts(rng: Rng, num_tufts: int, blades: int, reach_m: float) -> FloatArray:
    """Draw the places (k, 2) of blades that stand together in tufts, dense near the origin."""
    angle, distance = (
        rng.uniform(0, 2 * np.pi, num_tufts),
        np.abs(rng.normal(0, reach_m, num_tufts)),
    )
    centre = np.stack([distance * np.cos(angle), distance * np.sin(angle) - 0.5], axis=1)
    spread = rng.uniform(0.03, 0.16, (num_tufts, 1, 1))
    return np.asarray(
        (centre[:, None] + rng.normal(0, 1, (num_tufts, blades, 2)) * spread).reshape(-1, 2)
    )


def leaves(rng: Rng, centres: FloatArray, length_m: float) -> Mesh:
    """Hang pointed leaves at `centres` (k, 3), each turned at random."""
    count = len(centres)
    ahead, across = unit(rng.normal(size=(count, 3))), rng.normal(size=(count, 3))
    ahead[:, 2] -= 0.2
    side = unit(np.cross(ahead, across))
    size = length_m * rng.uniform(0.6, 1.3, (count, 1))
    rows = []
    for t, width in ((-0.5, 0.05), (0.0, 0.5), (0.5, 0.05)):
        spine = centres + ahead * size * t
        rows.append(np.stack([spine - side * size * width / 2, spine + side * size * width / 2], 1))
    return _strips(np.stack(rows, axis=1), rng.random((count, 2)))


def _branch(
    rng: Rng,
    start: FloatArray,
    heading: FloatArray,
    *,
    length_m: float,
    radius_m: float,
    order: int,
) -> tuple[list[Mesh], list[FloatArray]]:
    """Grow one crooked branch and all that it bears. Returns wood, and where leaves hang."""
    path = [start]
    for _ in range(4):
        heading = unit(heading + rng.normal(0, 0.16, 3) + np.array([0, 0, 0.04]))
        path.append(path[-1] + heading * length_m / 4)
    points = np.array(path)
    wood = [tube(points, np.linspace(radius_m, 0.6 * radius_m, 5), 5 + 2 * min(order, 3))]
    if order == 0:
        return wood, [points[2], points[3], points[4]]
    tips: list[FloatArray] = []
    for k in [4, 4, 3, *([2] if rng.random() < 0.5 else [])]:
        turned = unit(heading + rng.normal(0, 0.5, 3))
        more, ends = _branch(
            rng,
            points[k],
            turned,
            length_m=length_m * rng.uniform(0.6, 0.8),
            radius_m=radius_m * 0.58,
            order=order - 1,
        )
        wood += more
        tips += ends
    return wood, tips


def tree(rng: Rng, height_m: float, *, bare: bool = False) -> Parts:
    """Grow a tree with a flared foot; leaves unless it is bare."""
    start, heading = np.array([0, 0, -0.15]), unit(np.array([*rng.normal(0, 0.08, 2), 1]))
    radius = height_m * rng.uniform(0.025, 0.045)
    wood, tips = _branch(rng, start, heading, length_m=0.4 * height_m, radius_m=radius, order=3)
    parts: Parts = [("bark", mesh) for mesh in wood]
    for angle in rng.uniform(0, 2 * np.pi, 5):
        reach = np.array([np.cos(angle), np.sin(angle), 0]) * radius
        foot = np.array([[0, 0, 3 * radius], [0, 0, radius], [0, 0, -radius]]) + reach * [
            [0.4],
            [1],
            [3],
        ]
        parts.append(("bark", tube(foot, np.array([0.5, 0.5, 0.2]) * radius, 6)))
    if not bare:
        spots = np.repeat(np.array(tips), 16, axis=0)
        spots = spots + rng.normal(0, 0.055 * height_m, spots.shape)
        parts.append(("leaves", leaves(rng, spots, 0.045 * height_m)))
    return parts


def bush(rng: Rng, radius_m: float) -> Parts:
    """Grow a bush: leaves around thin stems."""
    stems, spots = [], []
    for _ in range(rng.integers(9, 20)):
        end = rng.normal(0, 0.5, 3) * radius_m
        end[2] = radius_m * rng.uniform(0.4, 1.3)
        path = np.array([[0, 0, -0.05], end * [0.4, 0.4, 0.6], end])
        stems.append(tube(path, np.array([0.015, 0.01, 0.005]), 5))
        near = rng.uniform(0.35, 1, (45, 1))
        spots.append(end * near + rng.normal(0, 0.16 * radius_m, (45, 3)))
    foliage = leaves(rng, np.concatenate(spots), 0.12 * radius_m**0.5)
    return [*(("bark", stem) for stem in stems), ("leaves", foliage)]


def log(rng: Rng, length_m: float, radius_m: float) -> Parts:
    """Fell a log along x, slightly bent, with stubs of branches."""
    x = np.linspace(-length_m / 2, length_m / 2, 7)
    path = np.column_stack([x, np.cumsum(rng.normal(0, 0.02, 7)), np.full(7, radius_m * 0.9)])
    radii = radius_m * np.linspace(1.1, 0.85, 7) * rng.normal(1, 0.03, 7)
    parts: Parts = [("bark", tube(path, radii, 14))]
    for end, side in ((0, -1), (-1, 1)):
        cut = path[end] + [side * 0.004, 0, 0]
        disc = cut + np.array([[0, 0, 0], [side * 0.002, 0, 0]])
        parts.append(("wood", tube(disc, radii[end] * 0.9, 14)))
    for k in rng.integers(1, 6, 2):
        outward = np.array([0, *unit(rng.normal(0, 1, 2) + np.array([0, 0.6]))])
        stub = path[k] + outward * radius_m * 1.8
        parts.append(("bark", tube(np.array([path[k], stub]), np.array([0.3, 0.22]) * radius_m, 7)))
    return parts


def log_pile(rng: Rng) -> Parts:
    """Stack logs in rows that narrow upwards."""
    parts: Parts = []
    radius, bottom = rng.uniform(0.12, 0.22), int(rng.integers(2, 6))
    for row in range(rng.integers(1, bottom + 1)):
        for k in range(bottom - row):
            y = (k - (bottom - row - 1) / 2) * 2.05 * radius
            for name, mesh in log(rng, rng.uniform(1.8, 2.6), radius * rng.uniform(0.9, 1.05)):
                at = (rng.normal(0, 0.1), y, row * 1.75 * radius)
                parts.append((name, placed(mesh, at, yaw=rng.normal(0, 0.03))))
    return parts


def stump(rng: Rng) -> Parts:
    """Leave the stump of a felled tree with its roots."""
    radius, height = rng.uniform(0.2, 0.4), rng.uniform(0.25, 0.6)
    path = np.array([[0, 0, -0.1], [0, 0, height * 0.5], [0, 0, height]])
    parts: Parts = [("bark", tube(path, radius * np.array([1.25, 1.0, 0.95]), 16))]
    parts.append(
        ("wood", tube(path[-1] + np.array([[0, 0, 0.002], [0, 0, 0.006]]), 0.88 * radius, 16))
    )
    for angle in rng.uniform(0, 2 * np.pi, 6):
        reach = np.array([np.cos(angle), np.sin(angle), 0]) * radius
        root = reach * [[0.7], [1.5], [2.4]] + np.array(
            [[0, 0, 0.5 * height], [0, 0, 0.05], [0, 0, -0.08]]
        )
        parts.append(("bark", tube(root, radius * np.array([0.4, 0.25, 0.1]), 7)))
    return parts
