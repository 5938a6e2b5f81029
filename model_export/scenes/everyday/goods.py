"""What people buy and own: boxes, books, shoes, toys, lamps, flowers in vases, cars."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday import clusters, vessels
from model_export.scenes.everyday.bodies import (
    Body,
    Rng,
    Texture,
    Thing,
    fitted,
    mesh_of,
    moved,
    standing,
)
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.lumps import blended, ellipsoid, limb
from model_export.scenes.everyday.textures import even, mixture, patterned, plain
from model_export.scenes.everyday.vessels import turned
from model_export.scenes.everyday.volumes import ROUGH, noise
from model_export.scenes.shapes import box, rotation, tube


def books(rng: Rng) -> Thing:
    """A pile of books or boxes."""
    thing: Thing = []
    z = 0.0
    for _ in range(rng.integers(1, 6)):
        width, depth, height = rng.uniform(0.9, 1.5), rng.uniform(0.6, 1.1), rng.uniform(0.08, 0.4)
        cover = patterned(rng) if rng.random() < 0.5 else plain(rng, any_color(rng))
        mesh = box((width, depth, height), bevel_m=0.015)
        thing += moved([Body(mesh, cover, 0.1, 40.0)], (0, 0, z), turn=rotation(rng.normal(0, 0.3)))
        z += height
    return thing


def shoe(rng: Rng) -> Thing:
    """A shoe or a boot along x, with a sole of another colour."""
    ankle, slim = rng.uniform(0.5, 1.3), rng.uniform(0.26, 0.36)
    form = [
        ellipsoid((-0.7, 0, 0.2), (0.42, slim, 0.28)),
        ellipsoid((-0.1, 0, 0.28), (0.7, slim * 0.95, 0.34)),
        limb((0.55, 0, 0.3), (0.6, 0, ankle), slim * 0.95),
        ellipsoid((0.6, 0, ankle + 0.25), (0.3, slim * 0.75, 0.35), blend=0.05, carves=True),
        limb((-0.75, 0, 0.06), (0.7, 0, 0.06), slim * 0.95, blend=0.03),
    ]
    mesh = blended(form, 0.12, rng=rng, steps=60, half=1.5)
    upper, sole, line = plain(rng, any_color(rng)), color_of(rng, "white"), rng.uniform(0.1, 0.2)
    stripe = any_color(rng)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        x, z = points[:, 0], points[:, 2]
        marked = np.abs(x - 0.4 * z + 0.1) < 0.07
        albedo = np.where(marked[:, None], stripe, upper(points, uvs))
        return np.where((z < line)[:, None], sole, albedo)

    return moved([Body(mesh, texture, 0.1, 30.0)], turn=rotation(rng.uniform(0, 2 * np.pi)))


def plush(rng: Rng) -> Thing:
    """A soft toy that sits: a bear, a rabbit."""
    ear, head = rng.uniform(0.15, 0.7), rng.uniform(0.4, 0.55)
    form = [
        ellipsoid((0, 0, 0.5), (0.5, 0.42, 0.55)),
        ellipsoid((0, -0.05, 1.3), (head, 0.9 * head, 0.85 * head)),
        ellipsoid((0, -0.45, 1.2), (0.2, 0.16, 0.15)),
    ]
    for side in (-1, 1):
        form += [
            limb((side * 0.3, 0, 1.6), (side * 0.42, 0, 1.6 + ear), 0.14),
            limb((side * 0.35, -0.1, 0.8), (side * 0.75, -0.35, 0.5), 0.16),
            limb((side * 0.3, -0.1, 0.15), (side * 0.5, -0.75, 0.15), 0.2),
        ]
    mesh = blended(form, 0.08, rng=rng, steps=64, half=2.4)
    shift = rng.uniform(0, 64, 3)
    push = 0.02 * noise(mesh.positions, ROUGH, scale=0.5, shift=shift)
    mesh = mesh_of(mesh.positions + mesh.normals * push[:, None], mesh.faces)
    color = color_of(rng, "fur") if rng.random() < 0.6 else any_color(rng)
    thing: Thing = [Body(mesh, mixture(rng, color, 0.7 * color, scale=0.4))]
    button = ellipsoid((0, 0, 0), (0.05, 0.05, 0.05))
    ball = Body(
        blended([button], 0.1, rng=rng, steps=16, half=0.1), plain(rng, np.full(3, 0.02)), 0.5
    )
    for at in ((-0.16, -0.46, 1.42), (0.16, -0.46, 1.42), (0, -0.62, 1.25)):
        thing += moved([ball], at)
    return moved(thing, turn=rotation(rng.normal(0, 0.6)))


def bouquet(rng: Rng) -> Thing:
    """Flowers in a vase."""
    vase = fitted([Body(vessels.vessel(rng), patterned(rng), float(rng.uniform(0, 0.3)), 60.0)])
    thing = standing(moved(vase, size=0.6), 0, 0, 0)
    leaf = plain(rng, color_of(rng, "leaf"))
    for _ in range(rng.integers(3, 10)):
        lean, height = rng.normal(0, 0.45, 2), rng.uniform(1.5, 2.3)
        top = np.array([lean[0], lean[1], height])
        path = np.array([(0, 0, 0.9), 0.5 * top + [0, 0, 0.35], top])
        thing.append(Body(tube(path, 0.025, 6), leaf))
        bloom = fitted([Body(clusters.flower(rng), flower_texture(rng))])
        turn = rotation(rng.uniform(0, 6), 0, rng.uniform(0, 1.2))
        thing += moved(bloom, top, size=rng.uniform(0.2, 0.4), turn=turn)
    return thing


def flower_texture(rng: Rng) -> Texture:
    """Petals that change colour from the middle outwards."""
    inner, outer = any_color(rng), any_color(rng) ** 0.7
    core, veins = rng.uniform(0.1, 0.35), rng.uniform(0.0, 0.07)
    shift = rng.uniform(0, 64, 3)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        away = np.linalg.norm(points, axis=1)
        share = np.clip((away - core) * 3, 0, 1)[:, None]
        tone = np.exp(veins * noise(points, ROUGH, scale=0.8, shift=shift))[:, None]
        return np.asarray(np.clip((inner + (outer - inner) * share) * tone, 0.01, 0.95))

    return texture


def lamp(rng: Rng) -> Thing:
    """A table lamp, off or on."""
    foot = np.array(
        [(0.4, 0), (0.4, 0.06), (0.08, 0.12), (0.06, 0.6), (0.1, 0.8), (0.04, 1.2), (0, 1.2)]
    )
    low, high, tall = rng.uniform(0.5, 0.8), rng.uniform(0.25, 0.5), rng.uniform(0.5, 0.8)
    shade = turned(
        np.array([(low, 1.1), (high, 1.1 + tall), (high - 0.02, 1.1 + tall), (low - 0.02, 1.1)])
    )
    cloth, warm = (
        plain(rng, color_of(rng, "plaster")),
        rng.uniform(0.5, 2) * np.array([1, 0.75, 0.45]),
    )
    lit = rng.random() < 0.4
    glow = even(warm) if lit else None
    cover = Body(shade, cloth, relightable=0.0 if lit else 1.0, glow=glow)
    return [Body(turned(foot), plain(rng, any_color(rng)), 0.2, 50.0), cover]


def car(rng: Rng) -> Thing:
    """A car along x: a body with a cabin, dark windows and wheels."""
    long, cabin, tall = rng.uniform(0.85, 1.05), rng.uniform(0.35, 0.6), rng.uniform(0.2, 0.34)
    shift = rng.uniform(-0.1, 0.2)
    body = box((2 * long, 0.84, 0.36), bevel_m=0.09)
    top = box((2.5 * cabin, 0.78, tall), bevel_m=0.05, taper=0.28)
    glass = box((2.46 * cabin, 0.79, tall * 0.8), bevel_m=0.03, taper=0.22)
    color = any_color(rng)
    paint = plain(rng, color, mottle=0.0)
    dark = plain(rng, np.full(3, 0.02))
    thing = moved([Body(body, paint, 0.4, 90.0)], (0, 0, 0.16))
    thing += moved([Body(top, paint, 0.4, 90.0)], (shift, 0, 0.48))
    thing += moved([Body(glass, dark, 0.6, 150.0, reflection=0.2)], (shift, 0, 0.5))
    wheel = turned(
        np.array([(0, -0.07), (0.19, -0.07), (0.2, 0), (0.19, 0.07), (0.1, 0.07), (0, 0.05)])
    )
    for x in (-0.6 * long, 0.6 * long):
        for side in (-1, 1):
            turn = rotation(roll=-side * np.pi / 2)
            thing += moved([Body(wheel, dark)], (x, side * 0.4, 0.19), turn=turn)
    return moved(thing, turn=rotation(rng.uniform(0, 2 * np.pi)))


def figure(rng: Rng) -> Thing:
    """A whole person, small: 1.8 tall, standing on z = 0."""
    stride, swing = rng.normal(0, 0.15, 2)
    form = [
        ellipsoid((0, 0, 1.66), (0.1, 0.11, 0.13)),
        limb((0, 0, 1.5), (0, 0, 1.6), 0.055),
        limb((0, 0, 1.0), (0, 0, 1.4), 0.14),
        limb((-0.14, 0, 1.42), (0.14, 0, 1.42), 0.08),
    ]
    for side in (-1, 1):
        reach = side * stride
        hand = (side * rng.uniform(0.25, 0.4), -side * swing, rng.uniform(0.8, 1.3))
        form.append(limb((side * 0.2, 0, 1.42), hand, 0.055))
        form.append(limb((side * 0.09, 0, 0.95), (side * 0.1, reach, 0.05), 0.085))
        form.append(limb((side * 0.1, reach, 0.04), (side * 0.11, reach - 0.14, 0.03), 0.045))
    mesh = blended(form, 0.04, rng=rng, steps=64, half=1.85)
    skin, hair = color_of(rng, "skin"), color_of(rng, "hair")
    shirt, legs = plain(rng, any_color(rng)), plain(rng, any_color(rng))

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        z, y = points[:, 2:], points[:, 1:2]
        albedo = np.where(z > 1.0, shirt(points, uvs), legs(points, uvs))
        albedo = np.where(z > 1.52, skin, albedo)
        return np.where((z > 1.71) | ((z > 1.6) & (y > 0.02)), hair, albedo)

    return moved([Body(mesh, texture)], turn=rotation(rng.normal(0, 1.2)))
