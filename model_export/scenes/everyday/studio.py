"""Layouts before the camera of a studio: table, portrait, relief."""

from __future__ import annotations

import numpy as np

from model_export.scenes.everyday import clusters, sheets, skies
from model_export.scenes.everyday.bodies import (
    Composition,
    Rng,
    Thing,
    moved,
    random_turn,
    standing,
    turned_flat,
)
from model_export.scenes.everyday.cameras import looking_at
from model_export.scenes.everyday.heads import head
from model_export.scenes.everyday.textures import patterned
from model_export.scenes.everyday.things import shape, surfaced
from model_export.scenes.shapes import rotation


def _wall(rng: Rng, size: float, distance: float, heights: tuple[float, ...]) -> Thing:
    wall = sheets.sheet(rng, size=size, height=float(rng.choice(heights)), steps=150)
    body = surfaced(rng, wall, patterned(rng, size=3))
    return moved([body], (0, distance, 0), turn=turned_flat(rng.normal(0, 0.3)))


def table(rng: Rng, seed: int) -> Composition:
    """A few things on a table, at times before a wall."""
    count, bodies, placed = int(rng.integers(1, 7)), [], [(9.0, 9.0, 0.0)]
    for _ in range(count):
        size = rng.uniform(0.35, 1.0) if count > 1 else 1.0
        x, y = 0.0, 0.0
        for _ in range(12 if count > 1 else 0):
            x, y = rng.normal(0, 0.9, 2)
            if all(np.hypot(x - a, y - b) > 0.8 * (size + c) for a, b, c in placed):
                break
        placed.append((x, y, size))
        bodies += standing(moved(shape(rng), size=size, turn=random_turn(rng)), x, y, -0.03 * size)
    top = sheets.sheet(rng, size=12, height=float(rng.choice([0, 0, 0.01, 0.03, 0.1])), steps=180)
    bodies.append(surfaced(rng, top, patterned(rng, size=2)))
    if rng.random() < 0.5:
        bodies += _wall(rng, 14, rng.uniform(1.5, 6), (0, 0.02, 0.1))
    reach = 1.3 if count == 1 else 1.9
    focus = (0, 0, rng.uniform(0.2, 0.7))
    pitch = np.deg2rad(rng.uniform(3, 60))
    return Composition(
        layout="table",
        bodies=bodies,
        camera=looking_at(rng, focus, reach=reach, pitch=pitch, lowest=0.15),
        reach=reach,
        grounded=True,
        low_sun=rng.random() < 0.3,
        sky=skies.plain_background(rng),
    )


def portrait(rng: Rng, seed: int) -> Composition:
    """A head or a thing that fills the picture, before a wall or nothing."""
    is_head = rng.random() < 0.5
    bodies = head(rng) if is_head else moved(shape(rng), turn=random_turn(rng))
    for _ in range(rng.integers(0, 3)):
        at = (rng.normal(0, 1.3), rng.uniform(1.2, 4), rng.normal(0, 0.6))
        bodies += moved(shape(rng), at, size=rng.uniform(0.3, 1), turn=random_turn(rng))
    if rng.random() < 0.65:
        bodies += _wall(rng, 30, rng.uniform(1.4, 8), (0, 0.02, 0.1, 0.5))
    reach = rng.uniform(0.6, 1.2)
    focus = (0, 0, rng.normal(0, 0.15))
    pitch = np.deg2rad(rng.normal(5, 12))
    return Composition(
        layout="portrait",
        bodies=bodies,
        camera=looking_at(rng, focus, reach=reach, pitch=pitch),
        reach=reach,
        grounded=False,
        low_sun=False,
        sky=skies.darkness(rng) if rng.random() < 0.4 else skies.plain_background(rng),
    )


def relief(rng: Rng, seed: int) -> Composition:
    """A surface with a relief, some things or grass on it."""
    height = float(rng.choice([0.03, 0.1, 0.25, 0.5]))
    bodies = [surfaced(rng, sheets.sheet(rng, size=7, height=height, steps=230))]
    for _ in range(rng.integers(0, 5)):
        at = (*rng.normal(0, 1, 2), rng.uniform(-0.2, 0.2))
        bodies += moved(shape(rng), at, size=rng.uniform(0.15, 0.5), turn=random_turn(rng))
    if rng.random() < 0.25:
        blades = clusters.grass(rng, 3, int(rng.integers(1500, 5000)), rng.uniform(0.15, 0.9))
        bodies.append(surfaced(rng, blades))
    reach, pitch = rng.uniform(0.7, 1.8), np.deg2rad(rng.uniform(15, 88))
    if rng.random() < 0.4:
        bodies = moved(bodies, turn=rotation(roll=np.pi / 2))
        pitch = rng.normal(0, 0.25)
    return Composition(
        layout="relief",
        bodies=bodies,
        camera=looking_at(rng, (0, 0, 0), reach=reach, pitch=pitch),
        reach=reach,
        grounded=False,
        low_sun=False,
        sky=skies.open_sky(rng),
    )
