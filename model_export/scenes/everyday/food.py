"""Food: fruit, bread, cake, filled plates and bowls; each stands about on z = 0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday import tableware
from model_export.scenes.everyday.bodies import (
    Body,
    Rng,
    Texture,
    Thing,
    mesh_of,
    moved,
    random_turn,
    standing,
)
from model_export.scenes.everyday.colors import color_of, linear
from model_export.scenes.everyday.lumps import roughened
from model_export.scenes.everyday.textures import mixture, plain
from model_export.scenes.everyday.vessels import turned
from model_export.scenes.everyday.volumes import GRITTY, SMOOTH, UNEVEN, noise
from model_export.scenes.shapes import tube
from model_export.scenes.stones import icosphere

_FRUIT_SRGB = (
    ((0.75, 0.12, 0.10), (0.86, 0.62, 0.20)),
    ((0.55, 0.68, 0.18), (0.80, 0.78, 0.30)),
    ((0.95, 0.55, 0.10), (0.90, 0.45, 0.05)),
    ((0.95, 0.82, 0.20), (0.85, 0.70, 0.15)),
    ((0.35, 0.12, 0.30), (0.20, 0.06, 0.18)),
    ((0.85, 0.25, 0.20), (0.80, 0.12, 0.10)),
    ((0.30, 0.45, 0.15), (0.18, 0.30, 0.08)),
    ((0.72, 0.55, 0.36), (0.60, 0.44, 0.28)),
)


def _skin(rng: Rng) -> Texture:
    first, second = linear(np.array(_FRUIT_SRGB[rng.integers(len(_FRUIT_SRGB))]))
    return mixture(rng, first, second, scale=rng.uniform(0.08, 0.3))


def _rounded(rng: Rng) -> Mesh:
    """An apple, a pear, an onion, an orange, a pumpkin: turned, with a dimple."""
    t = np.linspace(0, np.pi, 60)
    waist, dimple, tall = rng.uniform(-0.35, 0.1), rng.uniform(0, 0.5), rng.uniform(0.75, 1.25)
    radius = np.sin(t) * (1 + waist * np.cos(t + np.pi))
    z = -np.cos(t) * tall
    z = z - dimple * np.exp(-((radius / 0.3) ** 2)) * np.sign(z) * 0.5
    count = int(rng.integers(5, 14))
    ribs = rng.choice([0.0, 0.01, 0.05]) * np.abs(np.cos(count * np.linspace(0, np.pi, 65)))
    mesh = turned(np.column_stack([radius, z]), folds=1 - ribs)
    return roughened(rng, mesh, float(rng.choice([0, 0.004, 0.012])))


def fruit(rng: Rng) -> Thing:
    """A fruit or a vegetable of size 1."""
    gloss = float(rng.uniform(0, 0.3))
    if rng.random() < 0.15:
        t = np.linspace(-1, 1, 24)
        path = np.stack([t, 0.1 * t, 0.35 * t**2], axis=1)
        thick = 0.24 * np.clip(1.04 - t**4, 0, 1) ** 0.5 + 0.03
        return [Body(tube(path, thick, 12), _skin(rng), gloss, 30.0)]
    thing: Thing = [Body(_rounded(rng), _skin(rng), gloss, float(rng.uniform(15, 80)))]
    if rng.random() < 0.6:
        stalk = tube(np.array([(0, 0, 0.6), (0.03, 0, 0.95), (0.12, 0.05, 1.2)]), 0.04, 8)
        thing.append(Body(stalk, plain(rng, color_of(rng, "wood") * 0.5)))
    return thing


def bread(rng: Rng) -> Thing:
    """A loaf or a roll with cuts and a floury crust."""
    positions, faces = icosphere(5)
    positions = positions * np.array([1, rng.uniform(0.45, 0.9), rng.uniform(0.4, 0.65)])
    shift, slant = rng.uniform(0, 64, 3), rng.uniform(-0.5, 0.5)
    wave = np.sin((positions[:, 0] + slant * positions[:, 1]) * rng.uniform(6, 16))
    cut = np.clip(wave - 0.75, 0, 1) * (positions[:, 2] > 0.1) * rng.choice([0, 0.25])
    push = 0.03 * noise(positions, UNEVEN, scale=0.2, shift=shift) - cut
    mesh = mesh_of(positions * (1 + push[:, None]), faces)
    crust, crumb = color_of(rng, "bread"), color_of(rng, "white") * 0.85
    brown = mixture(rng, crust, crust * 0.5, scale=0.15)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        flour = np.clip(noise(points, GRITTY, scale=0.5, shift=shift) - 1.0, 0, 1)[:, None] * 0.6
        under = np.clip(-4 * points[:, 2], 0, 0.4)[:, None]
        return np.asarray(brown(points, uvs) * (1 - under) * (1 - flour) + crumb * flour)

    return [Body(mesh, texture)]


def cake(rng: Rng) -> Thing:
    """A round cake in layers with icing."""
    wide, tall = rng.uniform(0.7, 1), rng.uniform(0.3, 0.9)
    height = np.linspace(0, tall, 40)
    radius = wide * (1 + 0.02 * np.sin(height * rng.uniform(20, 60)))
    top = [(wide * 0.99, tall + 0.02), (wide * 0.9, tall + 0.05), (0, tall + 0.05)]
    mesh = turned(np.concatenate([[(0, 0)], np.column_stack([radius, height]), top]))
    layers, icing = [color_of(rng, "bread"), color_of(rng, "white")], color_of(rng, "white")
    rate, drip, shift = rng.uniform(4, 10), rng.uniform(0.05, 0.3), rng.uniform(0, 64, 3)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        band = (np.sin(points[:, 2] * rate * 3) > 0)[:, None]
        edge = tall - drip * (1 + 0.6 * noise(points * [1, 1, 0], SMOOTH, scale=0.3, shift=shift))
        return np.where((points[:, 2] > edge)[:, None], icing, np.where(band, *layers))

    thing: Thing = [Body(roughened(rng, mesh, 0.01), texture, 0.05, 20.0)]
    for angle in np.linspace(0, 2 * np.pi, rng.integers(0, 9) + 1)[1:]:
        at = (0.7 * wide * np.cos(angle), 0.7 * wide * np.sin(angle), tall + 0.15)
        thing += moved(fruit(rng), at, size=0.13)
    return thing


def heap(rng: Rng, radius: float, base: float) -> Thing:
    """Pile food up on a plate or in a bowl."""
    makers: tuple[Callable[[Rng], Thing], ...] = (fruit, bread)
    same = fruit(rng) if rng.random() < 0.5 else None
    thing: Thing = []
    for k in range(rng.integers(2, 9)):
        piece = makers[int(rng.random() < 0.15)](rng) if same is None else same
        size = radius * rng.uniform(0.25, 0.5)
        spot = rng.normal(0, 0.35 * radius, 2) if k else np.zeros(2)
        at = float(spot[0]), float(spot[1])
        placed = moved(piece, size=size, turn=random_turn(rng))
        thing += standing(placed, *at, base + max(0.0, 0.4 * radius - float(np.hypot(*at))) * 0.6)
    return thing


def meal(rng: Rng) -> Thing:
    """A plate or a bowl with food on it."""
    if rng.random() < 0.5:
        return tableware.plate(rng) + heap(rng, 0.7, 0.04)
    return tableware.bowl(rng) + heap(rng, 0.8, 0.12)
