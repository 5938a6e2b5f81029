"""What stands in yards: ladders, carts, tents, wells, statues, barriers.

See `parts` for the manner.
"""

from __future__ import annotations

import numpy as np

from model_export.scenes.containers import barrel, crate, sack
from model_export.scenes.parts import Parts, beam, board_row, moved, rope
from model_export.scenes.shapes import box, lathe, placed, scaled, sheet, tube, unwelded
from model_export.scenes.stones import boulder

Rng = np.random.Generator


def ladder(rng: Rng) -> Parts:
    """A step ladder: rungs in front, two props behind."""
    length, lean = rng.uniform(1.5, 2.6), rng.uniform(0.2, 0.35)
    top_y, top_z = length * np.sin(lean), length * np.cos(lean)
    meshes = []
    for x in (-0.22, 0.22):
        meshes.append(beam((1.2 * x, -top_y, 0), (x, 0, top_z), 0.055, rng))
        meshes.append(beam((1.2 * x, top_y, 0), (x, 0.02, top_z), 0.045, rng))
    for t in np.arange(0.12, 0.98, 0.3 / length):
        y, z = (t - 1) * top_y, t * top_z
        meshes.append(beam((-0.27, y, z), (0.27, y, z), 0.04, rng))
    return [("old_wood", mesh) for mesh in meshes]


def wheel(rng: Rng) -> Parts:
    """A spoked wheel, upright, its axle along y."""
    radius, angle = rng.uniform(0.35, 0.55), np.linspace(0, 2 * np.pi, 29)
    rim = np.stack([radius * np.cos(angle), 0 * angle, radius * np.sin(angle)], axis=1)
    parts: Parts = [("old_wood", tube(rim, 0.04, 8)), ("metal", tube(rim * 1.06, 0.015, 6))]
    for k in range(0, 28, 4):
        parts.append(("old_wood", beam((0, 0, 0), tuple(rim[k]), 0.04, rng)))
    parts.append(("old_wood", tube(np.array([(0, -0.1, 0), (0, 0, 0), (0, 0.1, 0)]), 0.08)))
    return moved(parts, (0, 0, radius))


def fallen_wheel(rng: Rng) -> Parts:
    """A wheel that lies on the ground, on its hub."""
    upright = moved(wheel(rng), (0, 0, -0.45))
    return moved(upright, (0, 0, 0.09), roll=np.pi / 2 + rng.normal(0, 0.08))


def cart(rng: Rng) -> Parts:
    """A hand cart with a load."""
    parts: Parts = [("old_wood", placed(board, (0, 0, 0.55))) for board in board_row(rng, 5, 1.6)]
    for side in (-0.5, 0.5):
        parts += moved(wheel(rng), (0, side, 0))
        shaft, rail = side * 0.8, side * 0.9
        parts.append(("old_wood", beam((-2.0, shaft, 0.3), (0.8, shaft, 0.55), 0.07, rng)))
        board = beam((-0.8, rail, 0.75), (0.8, rail, 0.75), 0.04, rng, depth_m=0.15)
        parts.append(("old_wood", board))
    for x in (-0.4, 0.25):
        load = (sack, crate, barrel)[rng.integers(3)](rng)
        parts += moved(load, (x, 0, 0.6), yaw=rng.uniform(0, 6))
    return parts


def tent(rng: Rng) -> Parts:
    """A ridge tent of sagging cloth on poles and ropes."""
    width, length, height = rng.uniform(2, 2.8), rng.uniform(2, 3), rng.uniform(1.5, 2)
    across, along = np.meshgrid(np.linspace(-1, 1, 25), np.linspace(-1, 1, 25))
    sag = 0.12 * (1 - along**2) + 0.1 * np.abs(across) * (1 - np.abs(across))
    ripple = 0.025 * np.sin(9 * along + rng.uniform(0, 6)) * np.abs(across)
    z = height * (1 - np.abs(across)) - sag * (1 - np.abs(across) ** 4) + 0.02
    points = np.stack([across * width / 2 + ripple, along * length / 2, np.maximum(z, 0.02)], -1)
    parts: Parts = [("cloth", sheet(points))]
    for end in (-length / 2, length / 2):
        parts.append(("wood", beam((0, end, 0), (0, end, height + 0.1), 0.06, rng)))
        parts.append(("rope", rope((0, end, height), (0, end * 1.7, 0), 0.03)))
    return parts


def barrier(rng: Rng) -> Parts:
    """A concrete road barrier, chipped."""
    profile = [(0.3, 0.0), (0.3, 0.08), (0.12, 0.35), (0.08, 0.8)]  # half width, height
    points = [(-y, z) for y, z in profile] + [(y, z) for y, z in reversed(profile)]
    x = np.linspace(-1.2, 1.2, 14)
    grid = np.array([[(at, y, z) for at in x] for y, z in points])
    grid = grid + rng.normal(0, 0.008, grid.shape)
    flat = sheet(grid)
    return [("stone", unwelded(flat.positions, flat.faces, crisp=True))]


def statue(rng: Rng) -> Parts:
    """A robed figure on a plinth."""
    parts: Parts = [
        ("stone", box((0.8, 0.8, 0.5), rng, wobble_m=0.01, taper=0.1)),
        ("stone", placed(box((0.9, 0.9, 0.1), rng), (0, 0, 0.5))),
    ]
    z = np.linspace(0, 1.4, 18)
    radius = np.interp(
        z, [0, 0.2, 0.7, 1.0, 1.15, 1.25, 1.4], [0.32, 0.28, 0.2, 0.24, 0.25, 0.12, 0.07]
    )
    angle = np.linspace(0, 2 * np.pi, 49)
    depth = 0.16 * np.clip(1 - z / 1.1, 0.1, 1)[:, None]
    folds = 1 + depth * np.cos(11 * angle + 3 * np.sin(angle + rng.uniform(0, 6)))
    profile = np.column_stack([radius, z])
    body = lathe(profile, 48, folds=folds)
    head = placed(scaled(boulder(rng, 1, detail=3, flatness=1.0), 0.13), (0, -0.02, 1.36))
    parts += moved([("stone", body), ("stone", head)], (0, 0, 0.6))
    for side in (-1, 1):
        hand = (side * rng.uniform(0.1, 0.45), -rng.uniform(0.15, 0.35), rng.uniform(1.3, 2.1))
        arm = np.array([(side * 0.2, 0, 1.72), (side * 0.34, -0.08, 1.5), hand])
        parts.append(("stone", tube(arm, np.array([0.09, 0.075, 0.05]), 10)))
    return parts


def well(rng: Rng) -> Parts:
    """A round well of rough blocks with a beam, a rope and a bucket."""
    parts: Parts = []
    for course in range(4):
        for k in range(13):
            angle = 2 * np.pi * (k + 0.5 * (course % 2)) / 13
            block = box((0.24, 0.3, 0.2), rng, bevel_m=0.04, wobble_m=0.02)
            at = (0.75 * np.cos(angle), 0.75 * np.sin(angle), 0.19 * course)
            parts.append(("stone", placed(block, at, yaw=angle)))
    for x in (-0.75, 0.75):
        parts.append(("old_wood", beam((x, 0, 0.5), (x, 0, 2.0), 0.1, rng)))
    parts.append(("old_wood", beam((-0.95, 0, 1.95), (0.95, 0, 1.95), 0.12, rng)))
    parts.append(("rope", rope((0, 0, 1.9), (0, 0, 1.0), 0.0)))
    bucket = np.array([(0, 0), (0.12, 0), (0.16, 0.28), (0.16, 0.28), (0.14, 0.28), (0.1, 0.05)])
    parts.append(("old_wood", placed(lathe(bucket, 20), (0, 0, 0.75))))
    return parts
