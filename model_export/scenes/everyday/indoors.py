"""Layouts between walls."""

from __future__ import annotations

import numpy as np

from model_export.scenes import furniture
from model_export.scenes.everyday import skies
from model_export.scenes.everyday.bodies import (
    Body,
    Composition,
    Context,
    Rng,
    Thing,
    mesh_of,
    moved,
    standing,
)
from model_export.scenes.everyday.cameras import looking_at
from model_export.scenes.everyday.colors import any_color
from model_export.scenes.everyday.goods import figure
from model_export.scenes.everyday.lumps import roughened
from model_export.scenes.everyday.pictures import framed, painted, screen
from model_export.scenes.everyday.props import dressed
from model_export.scenes.everyday.selection import any_thing, standing_thing
from model_export.scenes.everyday.textures import even, patterned, plain
from model_export.scenes.everyday.walls import curtain, ground, wall_texture
from model_export.scenes.shapes import box, placed, rotation
from model_export.scenes.stones import icosphere


def cushion(rng: Rng) -> Body:
    """A soft square cushion."""
    positions, faces = icosphere(4)
    power = np.abs(positions) ** np.array([3, 3, 2])
    positions = positions / (power.sum(axis=1) ** (1 / 3))[:, None] * np.array([0.5, 0.5, 0.2])
    texture = patterned(rng) if rng.random() < 0.5 else plain(rng, any_color(rng))
    return Body(roughened(rng, mesh_of(positions, faces), 0.02), texture)


def sofa(rng: Rng) -> Thing:
    """A sofa, an armchair or a bed with cushions, its front to -y."""
    width, arm = rng.uniform(0.9, 2.2), rng.uniform(0.12, 0.25)
    seat = box((width, 0.85, 0.42), bevel_m=0.06)
    back = placed(box((width, 0.22, rng.uniform(0.6, 0.95)), bevel_m=0.07), (0, 0.4, 0.1))
    arms = [
        placed(box((arm, 0.85, 0.62), bevel_m=0.06), (side * (width + arm) / 2, 0, 0))
        for side in (-1, 1)
    ]
    cloth = plain(rng, any_color(rng)) if rng.random() < 0.7 else patterned(rng)
    bodies = [Body(mesh, cloth) for mesh in (seat, back, *arms)]
    for _ in range(rng.integers(0, 4)):
        at = (rng.uniform(-0.4, 0.4) * width, 0.18, 0.65)
        turn = rotation(rng.normal(0, 0.3), 0, 1.2)
        bodies += moved([cushion(rng)], at, size=rng.uniform(0.5, 0.8), turn=turn)
    return bodies


def walls(rng: Rng, half: float, depth: float) -> Thing:
    """A floor and walls that leave ways for light; at times a bright window or a curtain."""
    bodies: Thing = [ground(rng, 16, height=0.0)]
    paint = wall_texture(rng, 3)
    for yaw, at in ((0, (0, depth, 0)), (np.pi / 2, (-half, 0, 0)), (-np.pi / 2, (half, 0, 0))):
        if yaw and rng.random() < 0.4:
            continue
        panel = placed(box((14, 0.1, rng.uniform(2.4, 3.2))), (0, 0.05, 0))
        body = Body(panel, paint, float(rng.choice([0, 0, 0.05])), 20.0)
        bodies += moved([body], at, turn=rotation(yaw))
    if rng.random() < 0.4:
        level = rng.uniform(0.8, 3) * np.array([0.9, 0.95, 1.0])
        pane = placed(
            box((rng.uniform(0.7, 1.4), 0.04, rng.uniform(1, 1.5)), bevel_m=0.005), (0, 0, 0)
        )
        glow = even(level)
        window = Body(pane, plain(rng, np.full(3, 0.02)), relightable=0.0, glow=glow)
        bodies += moved([window], (rng.uniform(-0.6, 0.6) * half, depth - 0.03, 0.9))
    elif rng.random() < 0.25:
        bodies += moved(
            curtain(rng, 3, (0, 0, 1.3)), (rng.uniform(-0.5, 0.5) * half, depth - 0.2, 0)
        )
    return bodies


def _furnished(rng: Rng, half: float, depth: float) -> Thing:
    bodies: Thing = []
    if rng.random() < 0.5:
        bodies += moved(dressed(rng, furniture.rug(rng)), (rng.normal(0, 0.4), 0.6, 0.005))
    for _ in range(rng.integers(2, 7)):
        x, y = rng.uniform(-half + 0.5, half - 0.5), rng.uniform(0, depth - 0.5)
        turn = rotation(rng.choice([0, np.pi / 2, -np.pi / 2, np.pi]) + rng.normal(0, 0.15))
        kind = rng.choice(6, p=[0.22, 0.2, 0.18, 0.15, 0.17, 0.08])
        if kind == 0:
            bodies += moved(dressed(rng, furniture.table(rng)), (x, y, 0), turn=turn)
        elif kind == 1:
            bodies += moved(dressed(rng, furniture.chair(rng)), (x, y, 0), turn=turn)
        elif kind == 2:
            bodies += moved(sofa(rng), (x, y, 0), turn=turn)
        elif kind == 3:
            bodies += moved(dressed(rng, furniture.shelf(rng)), (x, depth - 0.25, 0))
        elif kind == 4:
            size = rng.uniform(0.2, 0.5)
            bodies += standing(moved(any_thing(rng), size=size, turn=turn), x, y)
        else:
            bodies += moved(figure(rng), (x, y, 0), turn=turn)
    return bodies


def _on_table(rng: Rng) -> Thing:
    """A table near the camera with a few things on it."""
    height, width, depth = rng.uniform(0.45, 0.8), rng.uniform(1.0, 2.0), rng.uniform(0.6, 1.1)
    top = placed(box((width, depth, 0.05), bevel_m=0.01), (0, 0, height - 0.05))
    wood = plain(rng, any_color(rng)) if rng.random() < 0.5 else wall_texture(rng, 1)
    legs = [
        placed(
            box((0.06, 0.06, height - 0.05)), (x * (width / 2 - 0.08), y * (depth / 2 - 0.08), 0)
        )
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    bodies = [Body(mesh, wood, 0.1, 60.0) for mesh in (top, *legs)]
    for _ in range(rng.integers(1, 5)):
        thing = moved(standing_thing(rng), size=rng.uniform(0.1, 0.25))
        bodies += standing(
            thing, rng.uniform(-0.4, 0.4) * width, rng.uniform(-0.35, 0.35) * depth, height
        )
    return bodies


def room(rng: Rng, context: Context) -> Composition:
    """A furnished room with pictures on the wall."""
    half, depth = rng.uniform(1.6, 3.5), rng.uniform(2, 5)
    bodies = walls(rng, half, depth) + _furnished(rng, half, depth)
    if rng.random() < 0.5:
        bodies += moved(_on_table(rng), (rng.normal(0, 0.4), rng.uniform(-0.3, 0.6), 0))
    if rng.random() < 0.6:
        picture = context.painting(rng) if rng.random() < 0.4 else painted(rng)
        hang = screen if rng.random() < 0.2 else framed
        at = (rng.normal(0, 0.4 * half), depth - 0.05, rng.uniform(1.2, 1.7))
        bodies += moved(hang(rng, picture, rng.uniform(0.5, 1.2)), at)
    reach, pitch = rng.uniform(0.6, 1.7), np.deg2rad(rng.uniform(-3, 28))
    focus = (rng.normal(0, 0.4), rng.uniform(0.2, 1.2), rng.uniform(0.5, 1.2))
    return Composition(
        layout="room",
        bodies=bodies,
        camera=looking_at(
            rng, focus, reach=reach, pitch=pitch, lowest=0.15, field_of_view_deg=(25, 75)
        ),
        reach=reach,
        grounded=True,
        low_sun=rng.random() < 0.4,
        sky=skies.plain_background(rng),
    )
