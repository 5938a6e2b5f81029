"""What stands on tables in kitchens: cups, bowls, plates, pots, bottles; each stands on z = 0."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday.bodies import Body, Rng, Texture, Thing, moved
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.textures import patterned, plain
from model_export.scenes.everyday.vessels import turned, walled
from model_export.scenes.shapes import rotation, tube


def glaze(rng: Rng) -> Texture:
    """White china, a plain colour or a pattern."""
    pick = rng.random()
    if pick < 0.35:
        return plain(rng, color_of(rng, "white"), mottle=0.01)
    return plain(rng, any_color(rng), mottle=0.02) if pick < 0.75 else patterned(rng)


def _china(rng: Rng, mesh: Mesh, texture: Texture) -> Body:
    return Body(mesh, texture, float(rng.uniform(0.0, 0.2)), float(rng.uniform(40, 250)))


def _open(knots: FloatArray, thickness: float, *, steps: int = 40) -> Mesh:
    """Turn a wall through knots (k, 2) of radius and height, with an inside."""
    height = np.linspace(knots[0, 1], knots[-1, 1], steps)
    radius = PchipInterpolator(knots[:, 1], knots[:, 0])(height)
    return turned(walled(radius, height, thickness, 3))


def _disc(radius: float, z: float) -> Mesh:
    return turned(np.array([(radius, z - 0.01), (radius, z), (0.98 * radius, z), (0.0, z)]))


def _handle(rng: Rng, radius: float, low: float, high: float) -> Mesh:
    angle = np.linspace(-np.pi / 2, np.pi / 2, 20)
    half, reach = (high - low) / 2, rng.uniform(0.25, 0.45)
    x = radius * 0.93 + reach * np.cos(angle)
    path = np.stack([x, 0 * x, (low + high) / 2 + half * np.sin(angle)], axis=1)
    return tube(path, rng.uniform(0.04, 0.09), 12)


def plate(rng: Rng, radius: float = 1.0) -> Thing:
    """A plate or a saucer with a raised rim."""
    rise, flat = rng.uniform(0.08, 0.25) * radius, rng.uniform(0.5, 0.75) * radius
    profile = [(flat, 0), (radius, rise), (radius, rise + 0.02), (flat, 0.05), (0.4 * flat, 0.04)]
    curve = np.array([(0, 0), *profile, (0, 0.04)])
    return [_china(rng, turned(curve), glaze(rng))]


def cup(rng: Rng) -> Thing:
    """A cup or a mug with coffee or tea; at times on a saucer with a spoon."""
    low, middle, top = rng.uniform(0.3, 0.6), rng.uniform(0.45, 0.7), rng.uniform(0.5, 0.75)
    tall = rng.uniform(0.7, 1.4)
    knots = np.array([(low, 0.0), (middle, 0.4 * tall), (top, tall)])
    body = _open(knots, rng.uniform(0.04, 0.08))
    outside, inside = glaze(rng), glaze(rng)
    two = rng.random() < 0.4

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        radius = np.hypot(points[:, 0], points[:, 1])
        wall = np.interp(points[:, 2], knots[:, 1], knots[:, 0])
        within = two & (radius < wall - 0.03)
        return np.where(within[:, None], inside(points, uvs), outside(points, uvs))

    thing: Thing = [_china(rng, body, texture)]
    if rng.random() < 0.75:
        turn = rotation(rng.uniform(0, 2 * np.pi))
        handle = _china(rng, _handle(rng, middle, 0.2 * tall, 0.85 * tall), outside)
        thing += moved([handle], turn=turn)
    if rng.random() < 0.7:
        drink = np.array([(0.05, 0.02, 0.008), (0.3, 0.16, 0.06), (0.28, 0.06, 0.01)])[
            rng.integers(3)
        ]
        level = rng.uniform(0.6, 0.9)
        radius = float(np.interp(level * tall, knots[:, 1], knots[:, 0])) - 0.04
        thing.append(Body(_disc(radius, level * tall), plain(rng, drink), 0.3, 200.0))
    if rng.random() < 0.5:
        thing = moved(thing, (0, 0, 0.05)) + plate(rng, rng.uniform(1.0, 1.3))
        if rng.random() < 0.6:
            side = rng.uniform(0.75, 0.9)
            turn = rotation(rng.uniform(0, 2 * np.pi))
            thing += moved(moved(spoon(rng), (side, -0.2, 0.16)), turn=turn)
    return thing


def spoon(rng: Rng) -> Thing:
    """A metal spoon along y."""
    t = np.linspace(-0.7, 0.6, 24)
    path = np.stack([0 * t, t, 0.04 + 0.08 * t**2], axis=1)
    width = np.where(t < -0.35, 0.14 * np.sqrt(np.clip(1 - ((t + 0.5) / 0.2) ** 2, 0, 1)), 0)
    mesh = tube(path, np.maximum(width, 0.025), 12)
    metal = plain(rng, np.full(3, rng.uniform(0.2, 0.5)), mottle=0.01)
    return [Body(mesh, metal, 0.3, 120.0, reflection=0.1)]


def bowl(rng: Rng) -> Thing:
    """An empty bowl."""
    wide, tall = rng.uniform(0.8, 1.1), rng.uniform(0.35, 0.8)
    knots = np.array([(0.45 * wide, 0.0), (0.85 * wide, 0.45 * tall), (wide, tall)])
    texture = plain(rng, color_of(rng, "wood")) if rng.random() < 0.2 else glaze(rng)
    return [_china(rng, _open(knots, rng.uniform(0.04, 0.08)), texture)]


def pot(rng: Rng) -> Thing:
    """A teapot or a jug: a belly, a spout, a handle, a lid."""
    belly, tall = rng.uniform(0.6, 0.9), rng.uniform(0.8, 1.5)
    knots = np.array([(0.5 * belly, 0), (belly, 0.4 * tall), (0.55 * belly, tall)])
    height = np.linspace(0, tall, 40)
    radius = PchipInterpolator(knots[:, 1], knots[:, 0])(height)
    lid = [(0.56 * belly, tall), (0.4 * belly, tall + 0.12), (0.1, tall + 0.18), (0.1, tall + 0.3)]
    profile = np.concatenate([[(0, 0)], np.column_stack([radius, height]), lid, [(0, tall + 0.32)]])
    texture = glaze(rng)
    spout = np.array(
        [
            (-0.8 * belly, 0, 0.4 * tall),
            (-1.3 * belly, 0, 0.6 * tall),
            (-1.6 * belly, 0, 1.05 * tall),
        ]
    )
    grip = _handle(rng, 0.9 * belly, 0.25 * tall, 0.85 * tall)
    meshes = [turned(profile), tube(spout, np.array([0.2, 0.13, 0.09]), 14), grip]
    return [_china(rng, mesh, texture) for mesh in meshes]


def bottle(rng: Rng) -> Thing:
    """A bottle or a jar with a cap and a label."""
    wide, tall = rng.uniform(0.3, 0.5), rng.uniform(1.4, 2.4)
    shoulder, neck = rng.uniform(0.5, 0.75) * tall, wide * rng.uniform(0.25, 0.8)
    knots = np.array(
        [
            (0.95 * wide, 0),
            (wide, 0.1),
            (wide, shoulder),
            (neck, shoulder + 0.22 * tall),
            (neck, tall),
        ]
    )
    height = np.linspace(0, tall, 70)
    radius = PchipInterpolator(knots[:, 1], knots[:, 0])(height)
    profile = np.concatenate([[(0, 0)], np.column_stack([radius, height]), [(0, tall)]])
    glass = plain(rng, any_color(rng) * rng.choice([0.15, 1.0]), mottle=0.01)
    label = patterned(rng)
    low, high = sorted(rng.uniform(0.1, 0.95, 2) * shoulder)
    facing = rng.uniform(-1, 0.3)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        z, front = points[:, 2], -points[:, 1] / wide
        here = (z > low) & (z < high) & (front > facing)
        return np.where(here[:, None], label(points, uvs), glass(points, uvs))

    thing = [Body(turned(profile), texture, float(rng.uniform(0.05, 0.3)), 150.0)]
    cap = np.array([(neck * 1.1, 0), (neck * 1.1, 0.2), (neck * 1.0, 0.22), (0, 0.22)])
    cover = Body(turned(cap), plain(rng, any_color(rng)), 0.2, 60.0)
    thing += moved([cover], (0, 0, tall - 0.15)) if rng.random() < 0.8 else []
    return moved(thing, turn=rotation(rng.normal(0, 0.5)))
