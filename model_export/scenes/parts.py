"""Parts: meshes with the names of their materials, and simple things built from few of them.

Every function returns parts that stand on z = 0 around the origin, facing the camera (-y).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.shapes import box, placed, tube, unit

Parts: TypeAlias = list[tuple[str, Mesh]]
Point: TypeAlias = tuple[float, float, float]


def moved(
    parts: Parts, at: Point, *, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0
) -> Parts:
    """Turn and move all parts together."""
    return [(name, placed(mesh, at, yaw=yaw, pitch=pitch, roll=roll)) for name, mesh in parts]


def one_of(rng: np.random.Generator, *names: str) -> str:
    """Pick a material."""
    return str(rng.choice(names))


def beam(
    start: Point | FloatArray,
    end: Point | FloatArray,
    width_m: float,
    rng: np.random.Generator,
    *,
    depth_m: float | None = None,
    wobble_m: float = 0.008,
) -> Mesh:
    """Make a squared timber from one point to another."""
    start, end = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    length, (x, y, z) = float(np.linalg.norm(end - start)), unit(end - start)
    size = (width_m, width_m if depth_m is None else depth_m, length)
    mesh = box(size, rng, bevel_m=0.1 * width_m, wobble_m=wobble_m)
    return placed(mesh, start, yaw=float(np.arctan2(y, x)), pitch=float(np.arccos(z)))


def slack(start: Point | FloatArray, end: Point | FloatArray, sag_m: float) -> FloatArray:
    """Points (9, 3) of a rope that hangs between two points."""
    t = np.linspace(0, 1, 9)[:, None]
    path = np.asarray(start) * (1 - t) + np.asarray(end) * t
    path[:, 2] -= sag_m * 4 * (t * (1 - t))[:, 0]
    return np.asarray(path)


def rope(start: Point | FloatArray, end: Point | FloatArray, sag_m: float = 0.2) -> Mesh:
    """Hang a rope between two points."""
    return tube(slack(start, end, sag_m), 0.018, 6)


def board_row(
    rng: np.random.Generator, num_boards: int, length_m: float, *, width_m: float = 0.18
) -> list[Mesh]:
    """Lay boards side by side along x, each with its own length, tilt and gap; some are gone."""
    boards = []
    for k in range(num_boards):
        if rng.random() < 0.06:
            continue
        size = (length_m * rng.uniform(0.9, 1.08), width_m * rng.uniform(0.85, 0.98), 0.035)
        board = box(size, rng, bevel_m=0.006, wobble_m=0.006)
        y = (k - (num_boards - 1) / 2) * width_m
        at = (rng.normal(0, 0.03), y, abs(rng.normal(0, 0.006)))
        boards.append(placed(board, at, yaw=rng.normal(0, 0.012), roll=rng.normal(0, 0.02)))
    return boards
