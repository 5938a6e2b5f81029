"""Small carved, cast or modelled figures in one material, and cloth that lies over things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday import animals, goods, lumps
from model_export.scenes.everyday.bodies import (
    Body,
    Rng,
    Texture,
    Thing,
    directed,
    fitted,
    mesh_of,
    moved,
)
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.figures import figure
from model_export.scenes.everyday.lumps import ellipsoid, limb
from model_export.scenes.everyday.people import statue
from model_export.scenes.everyday.radial import radial
from model_export.scenes.everyday.sheets import joined
from model_export.scenes.everyday.textures import mixture, patterned, plain
from model_export.scenes.everyday.volumes import CLOUDY, SMOOTH, UNEVEN, noise
from model_export.scenes.shapes import rotation

_CLAYS = ("plaster", "stone", "earth", "grey", "white", "wood")


def _material(rng: Rng) -> tuple[Texture, float, float]:
    """One material for a whole figure: its texture, its gloss and its shininess."""
    color = any_color(rng) if rng.random() < 0.3 else color_of(rng, str(rng.choice(_CLAYS)))
    texture = plain(rng, color) if rng.random() < 0.6 else mixture(rng, color, 0.6 * color)
    return texture, float(rng.choice([0, 0, 0.05, 0.2])), float(rng.uniform(10, 120))


def sitter(rng: Rng) -> Thing:
    """A robed figure that sits with crossed legs, with folds and a worn surface."""
    stout = rng.uniform(0.85, 1.25)
    form = [
        ellipsoid((0, 0, 0), (0.42 * stout, 0.34 * stout, 0.55)),
        ellipsoid((0, -0.05, -0.45), (0.85, 0.5, 0.26)),
        ellipsoid((0, 0, 0.35), (0.48, 0.26, 0.24)),
        limb((0, 0, 0.5), (0, -0.02, 0.75), 0.12),
        ellipsoid((0, -0.03, 0.92), (0.23, 0.25, 0.29), blend=0.06),
        ellipsoid((0, -0.27, 0.9), (0.04, 0.05, 0.08), blend=0.04),
    ]
    for side in (-1, 1):
        hand = (side * rng.uniform(0.05, 0.5), -0.5, rng.uniform(-0.3, 0.0))
        form.append(limb((side * 0.46, 0, 0.36), (side * 0.6, -0.1, -0.1), 0.13))
        form.append(limb((side * 0.6, -0.1, -0.1), hand, 0.1))
        form.append(limb((side * 0.8, -0.1, -0.5), (side * 0.1, -0.5, -0.5), 0.17))
        form.append(ellipsoid((side * 0.24, 0, 0.9), (0.05, 0.08, 0.13), blend=0.04))
    depth, shift = rng.uniform(0.01, 0.04), rng.uniform(0, 64, 3)

    def folds(points: FloatArray) -> FloatArray:
        around = np.arctan2(points[:, 0], -points[:, 1])
        arcs = points[:, 2] * rate + 0.8 * np.cos(2 * around)
        wild = noise(points, UNEVEN, scale=0.4, shift=shift)
        return np.asarray(
            depth * (points[:, 2] < 0.5) * np.sin(arcs + 0.5 * wild) + 0.2 * depth * wild
        )

    rate = rng.uniform(15, 45)
    mesh = radial(form, start=1.8, blend=0.08, num_rings=150, num_sides=180, relief=folds)
    return moved([Body(mesh, plain(rng, any_color(rng)))], turn=rotation(rng.normal(0, 0.4)))


def _lump(rng: Rng) -> Thing:
    return [Body(lumps.lump(rng), plain(rng, any_color(rng)))]


_FIGURES: tuple[Callable[[Rng], Thing], ...] = (
    figure,
    sitter,
    animals.beast,
    animals.bird,
    animals.animal_head,
    goods.plush,
    goods.figure,
    statue,
    _lump,
)
_SHARES = (0.35, 0.12, 0.15, 0.06, 0.08, 0.06, 0.03, 0.08, 0.07)


def figurine(rng: Rng) -> Thing:
    """A person, an animal or a toy of china, clay, wood, stone or plaster."""
    return in_one_material(rng, fitted(_FIGURES[rng.choice(len(_FIGURES), p=_SHARES)](rng)))


def in_one_material(rng: Rng, thing: Thing) -> Thing:
    """Make a thing of china, clay, wood, stone or plaster."""
    texture, gloss, shininess = _material(rng)
    return [replace(body, texture=texture, specular=gloss, shininess=shininess) for body in thing]


def drape(rng: Rng) -> Thing:
    """Cloth that lies over a few round things, or crumpled paper, facing up."""
    axis = np.linspace(-1, 1, 170)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    flat = np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3)
    z = np.zeros_like(x)
    for _ in range(rng.integers(1, 5)):
        at, size, height = rng.normal(0, 0.4, 2), rng.uniform(0.2, 0.6), rng.uniform(0.1, 0.5)
        away = np.hypot(x - at[0], y - at[1]) / size
        ridges = 1 + 0.12 * np.cos(rng.integers(4, 11) * np.arctan2(y - at[1], x - at[0]))
        z = np.maximum(z, height / (1 + (away * ridges) ** rng.uniform(2, 5)))
    soft = -np.abs(noise(flat, CLOUDY, scale=0.15, shift=rng.uniform(0, 64, 3)))
    sharp = -np.abs(noise(flat, SMOOTH, scale=0.15, shift=rng.uniform(0, 64, 3)))
    z = z + rng.uniform(0.02, 0.1) * soft.reshape(x.shape)
    z = z + rng.uniform(0.0, 0.04) * sharp.reshape(x.shape)
    mesh = joined(np.stack([x, y, z], axis=-1))
    mesh = mesh_of(mesh.positions, mesh.faces, directed(mesh.normals))
    texture = plain(rng, any_color(rng)) if rng.random() < 0.6 else patterned(rng)
    return [Body(mesh, texture, float(rng.choice([0, 0, 0.1])), 15.0)]
