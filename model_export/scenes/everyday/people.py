"""People from the chest up, and statues of them; in units of half a head's height."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday import hair
from model_export.scenes.everyday.bodies import Body, Rng, Texture, Thing, moved
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.heads import bare_head
from model_export.scenes.everyday.lumps import ellipsoid, limb
from model_export.scenes.everyday.radial import radial
from model_export.scenes.everyday.textures import mixture, patterned, plain
from model_export.scenes.everyday.vessels import turned
from model_export.scenes.everyday.volumes import GRITTY, SMOOTH, UNEVEN, noise
from model_export.scenes.shapes import rotation

_CHEST = np.array([0.0, 0.25, -2.65])


def clothed_chest(rng: Rng, skin: FloatArray) -> Thing:
    """Make shoulders and a chest in a garment with folds; the neck is bare.

    Args:
        rng: source of chance.
        skin: (3,) albedo.
    """
    wide, deep = rng.uniform(0.85, 1.15, 2)
    form = [
        ellipsoid((0, 0, 0.1), (1.3 * wide, 0.72 * deep, 1.15)),
        ellipsoid((0, 0, -1.6), (1.15 * wide, 0.7 * deep, 1.5)),
        limb((-1.3 * wide, 0, 0.95), (1.3 * wide, 0, 0.95), 0.4),
        limb((0, -0.05, 1.0), (0, -0.1, 1.9), 0.43),
    ]
    for side in (-1, 1):
        elbow = (side * (1.85 * wide), rng.uniform(-0.4, 0.1), -3.0)
        form.append(limb((side * 1.55 * wide, 0, 0.85), elbow, 0.42 * deep))
        form.append(limb((0, 0, 1.6), (side * 1.0, 0, 1.1), 0.28))
    depth, shift = rng.uniform(0.02, 0.09), rng.uniform(0, 64, 3)
    lengths = np.array([1, 1, rng.uniform(0.25, 0.7)])
    turn = rotation(0, rng.normal(0, 0.4), 0)

    def folds(points: FloatArray) -> FloatArray:
        wild = noise(points @ turn * lengths, SMOOTH, scale=0.16, shift=shift)
        small = noise(points @ turn * lengths, UNEVEN, scale=0.3, shift=shift)
        below = np.clip((1.35 - points[:, 2]) * 3, 0, 1)
        return np.asarray(-below * (depth * np.abs(wild) + 0.25 * depth * small))

    mesh = radial(form, start=4.5, blend=0.3, num_rings=110, num_sides=140, relief=folds)
    body = Body(mesh, _garment(rng, skin), float(rng.choice([0, 0, 0.1])), 20.0)
    chest = moved([body], _CHEST)
    return chest + (_collar(rng) if rng.random() < 0.5 else [])


def _garment(rng: Rng, skin: FloatArray) -> Texture:
    cloth = patterned(rng) if rng.random() < 0.45 else plain(rng, any_color(rng))
    inner = plain(rng, any_color(rng)) if rng.random() < 0.4 else None
    bare, shift = plain(rng, skin), rng.uniform(0, 64, 3)
    low, slope = rng.uniform(0.6, 1.5), rng.uniform(0.2, 1.6)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        x, y, z = points.T
        weave = np.exp(0.06 * noise(points, GRITTY, scale=0.6, shift=shift))[:, None]
        albedo = np.clip(cloth(points, uvs) * weave, 0, 1)
        if inner is not None:
            open_front = (np.abs(x) < 0.12 + 0.35 * np.maximum(z + 0.6, 0)) & (y < 0)
            albedo = np.where(open_front[:, None], inner(points, uvs), albedo)
        neck = z > np.where(y < 0, low + slope * np.abs(x), 1.35)
        return np.where(neck[:, None], bare(points, uvs), albedo)

    return texture


def _collar(rng: Rng) -> Thing:
    radius, height, flare = rng.uniform(0.48, 0.6), rng.uniform(0.15, 0.5), rng.uniform(1.0, 1.5)
    profile = np.array(
        [
            (radius * flare, 0.0),
            (radius * 1.06, height),
            (radius, height + 0.04),
            (radius * 0.95, height),
            (radius * flare * 0.93, 0),
        ]
    )
    waves = 1 + rng.uniform(0, 0.06) * np.sin(np.linspace(0, 2 * np.pi, 65) * rng.integers(2, 9))
    collar = Body(turned(profile, folds=waves), plain(rng, any_color(rng)))
    return moved([collar], (0, 0.2, -1.45), turn=rotation(0, 0, rng.uniform(-0.2, 0.25)))


def person(rng: Rng, *, turned: float = 1.0) -> Thing:
    """A person from the chest up, who looks about to the camera.

    Args:
        rng: source of chance.
        turned: how far the head turns away, as a factor.
    """
    skin = color_of(rng, "skin")
    bare = bare_head(rng, skin)
    head = list(bare.thing)
    color = color_of(rng, "hair") if rng.random() < 0.85 else color_of(rng, "grey")
    covered = rng.random()
    if covered < 0.85:
        head.append(hair.hair(rng, bare, color))
    if covered > 0.7:
        head += hair.hat(rng)
    if rng.random() < 0.2:
        head.append(hair.beard(rng, bare, color))
    if rng.random() < 0.2:
        head += hair.glasses(rng)
    turn = rotation(*(turned * rng.normal(0, [0.45, 0.1, 0.15])))
    return moved(head, turn=turn) + moved(
        clothed_chest(rng, skin), turn=rotation(rng.normal(0, 0.3))
    )


def statue(rng: Rng, *, turned: float = 1.0) -> Thing:
    """A person of stone, plaster, clay or bronze: one matt or glossy surface, no colours.

    Args:
        rng: source of chance.
        turned: see `person`.
    """
    kind = str(rng.choice(["plaster", "stone", "earth", "grey", "white"]))
    color = color_of(rng, kind)
    texture = plain(rng, color) if rng.random() < 0.6 else mixture(rng, color, color * 0.6)
    gloss = float(rng.choice([0, 0, 0.05, 0.3]))
    shininess = float(rng.uniform(10, 100))
    low = rng.uniform(-3.4, -2.4)
    return [
        replace(_cut(body, low), texture=texture, specular=gloss, shininess=shininess)
        for body in person(rng, turned=turned)
    ]


def _cut(body: Body, low: float) -> Body:
    """End a body in a flat base at height `low`, as busts do."""
    positions = body.mesh.positions.copy()
    positions[:, 2] = np.maximum(positions[:, 2], low)
    return replace(body, mesh=replace(body.mesh, positions=positions))
