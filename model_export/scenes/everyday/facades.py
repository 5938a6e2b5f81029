"""Fronts of houses along a street, by day and by night."""

from __future__ import annotations

import numpy as np

from model_export.scenes import plants
from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday import skies
from model_export.scenes.everyday.bodies import (
    Body,
    Composition,
    Context,
    Rng,
    Texture,
    Thing,
    fitted,
    moved,
)
from model_export.scenes.everyday.cameras import looking_at
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.goods import car, figure
from model_export.scenes.everyday.pictures import framed, painted
from model_export.scenes.everyday.props import dressed
from model_export.scenes.everyday.textures import even, mixture, plain
from model_export.scenes.everyday.walls import ground
from model_export.scenes.shapes import box, merged, placed, rotation, tube

_DEPTH = 0.3


def _block(x: float, z: float, width: float, height: float, front: float = 0.0) -> Mesh:
    """A box with its front at y = -front, whose lower left corner is at x, z."""
    depth = _DEPTH + front
    mesh = box((width, depth, height), bevel_m=0.01, upright=True)
    return placed(mesh, (x + width / 2, _DEPTH - depth / 2, z))


def _brick(rng: Rng, color: FloatArray) -> Texture:
    wide, joint = rng.uniform(0.2, 0.45), color_of(rng, "stone")
    tones, base = rng.uniform(0.75, 1.15, (32, 32)), plain(rng, color)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        row = np.floor(points[:, 2] / wide * 2.5).astype(int)
        along = points[:, 0] / wide + 0.5 * (row % 2)
        seam = (along % 1 < 0.07) | (points[:, 2] / wide * 2.5 % 1 < 0.15)
        tone = tones[np.floor(along).astype(int) % 32, row % 32][:, None]
        return np.where(seam[:, None], joint, base(points, uvs) * tone)

    return texture


def _surface(rng: Rng) -> Texture:
    if rng.random() < 0.35:
        return _brick(rng, color_of(rng, str(rng.choice(["brick", "stone"]))))
    color = color_of(rng, "plaster") if rng.random() < 0.6 else any_color(rng)
    return mixture(rng, color, color * rng.uniform(0.75, 1.0), scale=rng.uniform(0.02, 0.1))


def facade(rng: Rng, width: float, *, night: bool = False) -> tuple[Thing, float]:
    """Build a front in the plane y = 0 that faces -y, standing on z = 0 around x = 0.

    Args:
        rng: source of chance.
        width: of the front.
        night: whether light is on behind some windows.

    Returns:
        The front and its height.
    """
    columns, storeys = max(1, int(width / rng.uniform(1.2, 2.2))), int(rng.integers(1, 5))
    pitch, tall = width / columns, rng.uniform(2.4, 3.4)
    wide, high, sill = rng.uniform(0.35, 0.7) * pitch, rng.uniform(0.4, 0.65) * tall, 0.28 * tall
    pier = (pitch - wide) / 2
    wall: list[Mesh] = []
    trim: list[Mesh] = []
    panes: list[Mesh] = []
    lit: list[Mesh] = []
    front, arched = rng.uniform(0.03, 0.12), rng.random() < 0.5
    for storey in range(storeys):
        z = storey * tall
        wall.append(_block(-width / 2, z, width, sill))
        wall.append(_block(-width / 2, z + sill + high, width, tall - sill - high))
        for k in range(columns):
            x = -width / 2 + k * pitch
            wall += [
                _block(x, z + sill, pier, high),
                _block(x + pitch - pier, z + sill, pier, high),
            ]
            pane = placed(_block(x + pier, z + sill, wide, high), (0, 0.22, 0))
            (lit if night and rng.random() < 0.4 else panes).append(pane)
            bar = _block(x + pitch / 2 - 0.03, z + sill, 0.06, high)
            trim.append(placed(bar, (0, 0.16, 0)))
            trim.append(_block(x + pier - 0.08, z + sill - 0.09, wide + 0.16, 0.09, front))
            if arched:
                trim.append(_block(x + pier - 0.1, z + sill + high, wide + 0.2, 0.14, front))
        if rng.random() < 0.4:
            trim.append(_block(-width / 2, z + tall - 0.15, width, 0.15, 1.5 * front))
    top = storeys * tall
    trim.append(_block(-width / 2 - 0.1, top, width + 0.2, rng.uniform(0.15, 0.4), 3 * front))
    trim.append(_block(rng.uniform(-0.4, 0.2) * width, 0, 1.0, 0.8 * tall, 0.06))
    glass = plain(rng, np.full(3, 0.03), mottle=0.0)
    warm = rng.uniform(0.4, 2.5) * np.array([1.0, rng.uniform(0.6, 0.85), rng.uniform(0.3, 0.6)])
    bodies = [
        Body(merged(wall), _surface(rng)),
        Body(merged(trim), plain(rng, color_of(rng, str(rng.choice(["white", "stone", "wood"]))))),
    ]
    if panes:
        bodies.append(Body(merged(panes), glass, 0.2, 200.0, relightable=0.2, reflection=0.35))
    if lit:
        glow = even(warm)
        bodies.append(Body(merged(lit), glass, relightable=0.0, glow=glow))
    return bodies, top


def street_lamp(rng: Rng, *, lit: bool) -> Thing:
    """A post with a lamp on top."""
    tall = rng.uniform(2.5, 4)
    post = Body(
        tube(np.array([(0, 0, 0), (0, 0, tall / 2), (0, 0, tall)]), 0.05, 8),
        plain(rng, np.full(3, 0.05)),
    )
    warm = rng.uniform(2, 6) * np.array([1.0, 0.8, 0.5])
    head = placed(box((0.3, 0.3, 0.4), bevel_m=0.05), (0, 0, tall))
    glow = even(warm) if lit else None
    return [
        post,
        Body(head, plain(rng, np.full(3, 0.6)), relightable=0.0 if lit else 1.0, glow=glow),
    ]


def _traffic(rng: Rng, half: float, far: float, *, night: bool) -> Thing:
    """Cars, people, trees, lamps and signs on the ground in front of y = far."""
    bodies: Thing = []
    for _ in range(rng.integers(1, 8)):
        x, y = rng.uniform(-half, half), rng.uniform(-1, max(far - 0.8, 0.5))
        kind = rng.choice(4, p=[0.3, 0.4, 0.15, 0.15])
        if kind == 0:
            bodies += moved(fitted(car(rng)), (x, y, 0.75), size=2.0)
        elif kind == 1:
            bodies += moved(figure(rng), (x, y, 0), turn=rotation(rng.uniform(0, 6)))
        elif kind == 2:
            bodies += moved(dressed(rng, plants.tree(rng, rng.uniform(2.5, 4))), (x, y, 0))
        else:
            bodies += moved(street_lamp(rng, lit=night), (x, y, 0))
    return bodies


def street(rng: Rng, context: Context) -> Composition:
    """One front seen whole or in part, or a street between two rows."""
    night = rng.random() < 0.25
    between = rng.random() < 0.45
    bodies: Thing = [ground(rng, 60, height=float(rng.choice([0, 0.01])))]
    if between:
        half, far = rng.uniform(2.5, 5), rng.uniform(10, 25)
        for side in (-1, 1):
            y = -3.0
            while y < far:
                width = rng.uniform(4, 8)
                front, _ = facade(rng, width, night=night)
                turn = rotation(side * -np.pi / 2)
                bodies += moved(front, (side * half, y + width / 2, 0), turn=turn)
                y += width + (rng.uniform(0, 2) if rng.random() < 0.3 else 0)
        focus, reach = (rng.normal(0, 0.6), 3.0, rng.uniform(1.2, 2.6)), rng.uniform(2.0, 3.5)
        bodies += _traffic(rng, half - 0.8, far, night=night)
        yaw, lens = rng.normal(0, 0.25), (40.0, 75.0)
    else:
        front, top = facade(rng, rng.uniform(6, 14), night=night)
        bodies += front
        half, z = rng.uniform(0.8, 4.5), rng.uniform(0.8, max(top - 0.5, 1.0))
        focus, reach = (rng.normal(0, 1.5), 0.0, z), half
        bodies += moved(_traffic(rng, 3.5, 3.5, night=night), (0, -4, 0)) if half > 2 else []
        if rng.random() < 0.3:
            sign = framed(rng, painted(rng), rng.uniform(0.6, 1.6))
            bodies += moved(sign, (rng.normal(0, 1), -0.2, rng.uniform(1, 3)))
        yaw, lens = rng.normal(0, 0.45), (20.0, 65.0)
    camera = looking_at(
        rng,
        focus,
        reach=reach,
        pitch=float(rng.normal(0, 0.12)),
        yaw=yaw,
        lowest=0.5,
        field_of_view_deg=lens,
    )
    return Composition(
        layout="street",
        bodies=bodies,
        camera=camera,
        reach=reach,
        grounded=True,
        low_sun=rng.random() < 0.5,
        sky=skies.night_sky(rng) if night else skies.open_sky(rng),
    )
