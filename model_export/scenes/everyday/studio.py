"""Layouts on a table or of a surface itself."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday import clusters, sheets, skies
from model_export.scenes.everyday.bodies import (
    Body,
    Composition,
    Context,
    Rng,
    Thing,
    moved,
    random_turn,
    standing,
)
from model_export.scenes.everyday.cameras import looking_at
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.selection import any_thing
from model_export.scenes.everyday.textures import plain
from model_export.scenes.everyday.things import shape, surfaced
from model_export.scenes.everyday.walls import ground, wall, wall_texture
from model_export.scenes.shapes import rotation


def spread(rng: Rng, count: int, reach: float) -> list[tuple[float, float, float]]:
    """Draw places x, y and sizes for things that should not stand in one another.

    Args:
        rng: source of chance.
        count: how many.
        reach: deviation of the places.
    """
    placed: list[tuple[float, float, float]] = []
    for _ in range(count):
        size = rng.uniform(0.35, 1.0) if count > 1 else 1.0
        for _ in range(12):
            x, y = rng.normal(0, reach, 2) if placed else (0.0, 0.0)
            if all(np.hypot(x - a, y - b) > 0.8 * (size + c) for a, b, c in placed):
                break
        placed.append((float(x), float(y), float(size)))
    return placed


def table(rng: Rng, context: Context) -> Composition:
    """A few things on a table, at times before a wall."""
    places = spread(rng, int(rng.integers(1, 7)), 0.9)
    bodies: Thing = []
    for x, y, size in places:
        thing = moved(any_thing(rng), size=size)
        bodies += standing(thing, x, y, -0.02 * size)
    bodies.append(ground(rng, 14))
    if rng.random() < 0.5:
        bodies += wall(rng, 20, (0, rng.uniform(1.5, 6), 2), yaw=rng.normal(0, 0.3))
    reach = 1.3 if len(places) == 1 else 1.9
    focus = (0, 0, rng.uniform(0.2, 0.7))
    pitch = np.deg2rad(rng.uniform(3, 60))
    return Composition(
        layout="table",
        bodies=bodies,
        camera=looking_at(rng, focus, reach=reach, pitch=pitch, lowest=0.15),
        reach=reach,
        grounded=True,
        low_sun=rng.random() < 0.3,
        sky=skies.any_background(rng),
    )


def _sweep(rng: Rng, color: FloatArray) -> Thing:
    """A sheet of paper that lies under a thing and curves up behind it; its far part stays lit."""
    turn, radius = np.linspace(0, np.pi / 2, 24), rng.uniform(0.8, 2)
    start, top = rng.uniform(1.5, 3), rng.uniform(6, 12)
    y = np.concatenate([[-12], start + radius * np.sin(turn), [start + radius]])
    z = np.concatenate([[0], radius * (1 - np.cos(turn)), [top]])
    grid = np.stack(np.broadcast_arrays(np.linspace(-14, 14, 9)[:, None], y, z), axis=-1)
    near, far = sheets.joined(grid[:, :12]), sheets.joined(grid[:, 11:])
    paper = plain(rng, color, mottle=0.01)
    plain_far = float(rng.choice([0.2, 1.0]))
    return [Body(near, paper), Body(far, paper, relightable=plain_far)]


def product(rng: Rng, context: Context) -> Composition:
    """One or two things for sale on a sweep of paper, white or in one colour."""
    places = spread(rng, int(rng.choice([1, 1, 2, 3])), 0.8)
    color = color_of(rng, "white") if rng.random() < 0.6 else any_color(rng)
    bodies = _sweep(rng, color)
    for x, y, size in places:
        bodies += standing(moved(any_thing(rng), size=size), x, y, -0.01 * size)
    reach = rng.uniform(1.0, 1.4) if len(places) == 1 else 1.9
    focus, pitch = (0, 0, rng.uniform(0.3, 0.8)), float(rng.uniform(0.05, 0.8))
    lens = (15.0, 45.0)
    return Composition(
        layout="product",
        bodies=bodies,
        camera=looking_at(rng, focus, reach=reach, pitch=pitch, field_of_view_deg=lens),
        reach=reach,
        grounded=True,
        low_sun=rng.random() < 0.2,
        sky=skies.bright_background(rng),
    )


def relief(rng: Rng, context: Context) -> Composition:
    """A surface with a relief, some things or grass on it: lying, or upright like a wall."""
    height = float(rng.choice([0.01, 0.03, 0.1, 0.25, 0.5]))
    mesh = sheets.sheet(rng, size=7, height=height, steps=230)
    bodies = [surfaced(rng, mesh, wall_texture(rng, 2))]
    for _ in range(rng.choice([0, 0, 1, 3])):
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
        camera=looking_at(rng, (0, 0, 0), reach=reach, pitch=float(pitch)),
        reach=reach,
        grounded=False,
        low_sun=rng.random() < 0.2,
        sky=skies.open_sky(rng),
    )
