"""Layouts of the open country: hills, lakes, the sea, trees, houses under the sky."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model_export.scenes import plants, structures
from model_export.scenes.description import FloatArray
from model_export.scenes.everyday import clusters, lumps, sheets, skies
from model_export.scenes.everyday.animals import beast
from model_export.scenes.everyday.bodies import (
    Body,
    Composition,
    Context,
    Rng,
    Sky,
    Texture,
    Thing,
    bounds,
    directed,
    fitted,
    mesh_of,
    moved,
)
from model_export.scenes.everyday.buildings import building
from model_export.scenes.everyday.cameras import looking_at
from model_export.scenes.everyday.colors import color_of
from model_export.scenes.everyday.goods import car, figure
from model_export.scenes.everyday.props import dressed
from model_export.scenes.everyday.textures import even, mixture, plain
from model_export.scenes.everyday.volumes import SMOOTH, UNEVEN, noise
from model_export.scenes.shapes import rotation
from model_export.scenes.stones import HeightField, ground_mesh, rolling_ground

_SOILS = (
    ("leaf", "earth"),
    ("leaf", "leaf"),
    ("earth", "stone"),
    ("white", "white"),
    ("stone", "earth"),
)


def soil(rng: Rng) -> Texture:
    """Meadow, earth, rock, sand or snow, in patches and grains."""
    names = _SOILS[rng.choice(len(_SOILS), p=[0.35, 0.25, 0.2, 0.08, 0.12])]
    first, second = (color_of(rng, name) for name in names)
    patches = mixture(rng, first, second, scale=rng.uniform(0.01, 0.04))
    grain, shift = rng.uniform(0.1, 0.35), rng.uniform(0, 64, 3)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        tone = np.exp(grain * noise(points, UNEVEN, scale=0.3, shift=shift))[:, None]
        return np.asarray(np.clip(patches(points, uvs) * tone, 0.01, 0.95))

    return texture


def water(rng: Rng, level: float) -> Body:
    """A rippled plane of water that mirrors the sky and that no lamp lights."""
    calm = float(rng.choice([0.0, 0.003, 0.015, 0.04]))
    mesh = sheets.sheet(rng, size=160, height=calm, relief=sheets.dunes, steps=260)
    color = np.array([0.02, 0.05, 0.05]) * rng.uniform(0.3, 1.5)
    body = Body(mesh, plain(rng, color), relightable=0.0, reflection=rng.uniform(0.4, 0.9))
    return moved([body], (0, 40, level))[0]


def far_hills(rng: Rng, sky: Sky) -> Body:
    """A chain of hills on the horizon, pale with haze."""
    x = np.linspace(-160, 160, 400)
    line = noise(np.stack([x, 0 * x, 0 * x], 1), SMOOTH, scale=0.004, shift=rng.uniform(0, 64, 3))
    top = np.maximum(rng.uniform(2, 14) * (1 + 0.6 * line), -1)
    rows = [
        np.stack([x, np.full_like(x, 75 + 20 * t), top * t - 1], 1) for t in np.linspace(0, 1, 9)
    ]
    points = np.stack(rows, axis=0)
    points[..., 2] += 0.4 * noise(points.reshape(-1, 3), UNEVEN, scale=0.01).reshape(
        points.shape[:2]
    )
    grid = sheets.joined(points)
    mesh = mesh_of(grid.positions, grid.faces, -directed(grid.normals, axis=1))
    haze = rng.uniform(0.3, 0.8) * sky(np.array([[0.0, 1.0, 0.02]], dtype=np.float32))[0]
    color = color_of(rng, "leaf") * rng.uniform(0.2, 0.6)
    return Body(
        mesh,
        plain(rng, color),
        relightable=0.4,
        glow=even(haze),
    )


def height_at(ground: HeightField, x: float, y: float) -> float:
    """Height of the ground at one place."""
    return float(ground(np.array([x]), np.array([y]))[0])


def grown(rng: Rng, ground: HeightField, half: float = 4.0) -> Body:
    """Let grass grow about the origin."""
    blades = clusters.grass(rng, half, int(rng.integers(2000, 7000)), rng.uniform(0.1, 0.5))
    positions: FloatArray = blades.positions.copy()
    positions[:, 2] += ground(positions[:, 0], positions[:, 1])
    normals = directed(blades.normals * np.array([0.5, 0.5, -1]))
    first = color_of(rng, "leaf")
    texture = mixture(rng, first, color_of(rng, "leaf"), scale=0.2)
    return Body(mesh_of(positions, blades.faces, normals), texture)


def _tree(rng: Rng) -> Thing:
    return dressed(rng, plants.tree(rng, rng.uniform(2.5, 6), bare=rng.random() < 0.15))


def _bush(rng: Rng) -> Thing:
    return dressed(rng, plants.bush(rng, rng.uniform(0.4, 1.2)))


def _house(rng: Rng) -> Thing:
    wide, deep, tall = rng.uniform(3, 6), rng.uniform(3, 5), rng.uniform(2.2, 3.5)
    return dressed(rng, structures.house(rng, wide, deep, tall))


def _tower(rng: Rng) -> Thing:
    return moved(building(rng), (0, 0, 1.5), size=rng.uniform(1.5, 3))


def _rock(rng: Rng) -> Thing:
    stone = mixture(rng, color_of(rng, "stone"), color_of(rng, "stone"), scale=0.3)
    return moved([Body(lumps.boulder(rng), stone)], size=rng.uniform(0.3, 1.6))


def _beast(rng: Rng) -> Thing:
    return moved(beast(rng), (0, 0, 0.6), size=rng.uniform(0.5, 0.9))


def _car(rng: Rng) -> Thing:
    return moved(fitted(car(rng)), (0, 0, 0.6), size=2)


# What stands in the open, in metres.
_COUNTRY = (_tree, _bush, _house, _tower, _rock, _beast, figure, _car)
_SHARES = (0.3, 0.15, 0.09, 0.08, 0.16, 0.07, 0.09, 0.06)


def landscape(rng: Rng, context: Context) -> Composition:
    """Hills or a shore with what stands there."""
    hills = rolling_ground(
        rng,
        relief_m=rng.uniform(0.1, 2.0),
        roughness_m=rng.uniform(0, 0.06),
        rise_m=rng.uniform(-1, 5),
    )
    shore = rng.uniform(2, 10) if rng.random() < 0.2 else np.inf

    def ground(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.asarray(hills(x, y) - 0.25 * np.clip(y - shore, 0, 30))

    mesh = ground_mesh(ground, num_steps=240)
    bodies: Thing = [Body(mesh_of(mesh.positions, mesh.faces, directed(mesh.normals)), soil(rng))]
    sky = skies.open_sky(rng)
    if shore < np.inf or rng.random() < 0.2:
        bodies.append(water(rng, rng.uniform(-0.6, -0.05)))
    if rng.random() < 0.5:
        bodies.append(far_hills(rng, sky))
    for _ in range(rng.integers(2, 12)):
        thing = _COUNTRY[rng.choice(len(_COUNTRY), p=_SHARES)](rng)
        y = rng.uniform(0, 14)
        x = rng.normal(0, 1.5 + 0.3 * y)
        low = bounds(thing)[0][2]
        z = height_at(ground, x, y) - 0.08 - max(low, 0)
        bodies += moved(thing, (x, y, z), turn=rotation(rng.uniform(0, 6)))
    if rng.random() < 0.35:
        bodies.append(grown(rng, ground))
    reach, pitch = rng.uniform(1.5, 4), np.deg2rad(rng.uniform(-3, 16))
    focus = (0, 0, rng.uniform(0.4, 1.8))
    lens = (30.0, 75.0)
    camera = looking_at(rng, focus, reach=reach, pitch=pitch, lowest=0.3, field_of_view_deg=lens)
    x, y, z = camera.origin
    camera = replace(camera, origin=(x, y, max(z, height_at(ground, x, y) + 0.3)))
    return Composition(
        layout="landscape",
        bodies=bodies,
        camera=camera,
        reach=reach,
        grounded=True,
        low_sun=rng.random() < 0.5,
        sky=sky,
    )


def leaf(rng: Rng) -> Thing:
    """One large leaf with a fold along its middle, from the origin to -y."""
    u, v = np.meshgrid(np.linspace(0, 1, 30), np.linspace(-1, 1, 15), indexing="ij")
    width = rng.uniform(0.2, 0.5) * np.sin(np.pi * u ** rng.uniform(0.6, 1.2)) + 0.005
    veins = 0.01 * np.sin((u * 2 + np.abs(v)) * rng.uniform(20, 40))
    z = rng.uniform(-0.6, 0.3) * u**2 + rng.uniform(0, 0.3) * np.abs(v) * width + veins
    grid = sheets.joined(np.stack([v * width, -u, z], axis=-1))
    color = color_of(rng, "leaf")
    pale, rate = color * rng.uniform(1.2, 1.8), rng.uniform(20, 40)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        middle = np.exp(-((points[:, 0] / 0.015) ** 2))
        side = np.exp(4 * (np.sin((-points[:, 1] * 2 + 3 * np.abs(points[:, 0])) * rate / 2) - 1))
        share = np.clip(middle + 0.4 * side, 0, 1)[:, None]
        return np.asarray(np.clip(color + (pale - color) * share, 0.01, 0.95))

    return [Body(grid, texture, float(rng.uniform(0, 0.2)), 30.0)]
