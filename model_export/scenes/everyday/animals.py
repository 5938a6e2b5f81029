"""Animals: heads with fur, ears and eyes, and whole beasts and birds."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday.bodies import Body, Rng, Texture, Thing, fitted, mesh_of, moved
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.heads import eye
from model_export.scenes.everyday.lumps import Primitive, blended, ellipsoid, limb
from model_export.scenes.everyday.radial import radial
from model_export.scenes.everyday.textures import even
from model_export.scenes.everyday.volumes import ROUGH, SMOOTH, UNEVEN, noise
from model_export.scenes.shapes import grid_faces, rotation, smooth_normals, unit

_EYE = np.array([0.36, -0.52, 0.14])
_EYE_RADIUS = 0.18


def _combed(points: FloatArray, nose: FloatArray, fineness: float, shift: FloatArray) -> FloatArray:
    """Noise (n,) in strands that run away from the nose."""
    offset = points - nose
    away = np.linalg.norm(offset, axis=1)
    around = np.arctan2(offset[:, 0], offset[:, 2])
    place = np.stack([np.cos(around), np.sin(around), 0.18 * away], axis=1)
    return noise(place, ROUGH, scale=fineness, shift=shift)


def fur(rng: Rng, nose: FloatArray, fineness: float, shift: FloatArray) -> Texture:
    """Colour fur: plain, striped or patched, hair by hair, paler about the nose.

    Args:
        rng: source of chance.
        nose: (3,) where the strands start.
        fineness: of the strands.
        shift: (3,) of the strands' pattern.
    """
    first, second = color_of(rng, "fur"), color_of(rng, "fur") * rng.uniform(0.2, 1)
    kind, rate, pale = rng.integers(3), rng.uniform(6, 14), rng.uniform(0, 0.9)
    snout, contrast = rng.uniform(0.3, 0.7), rng.uniform(0.12, 0.4)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        wild = noise(points, SMOOTH, scale=0.2, shift=shift)
        away = np.linalg.norm(points - nose, axis=1)
        if kind == 0:
            share = 0.15 * (wild > 1)
        elif kind == 1:
            share = 1 / (1 + np.exp(-6 * (np.sin(rate * points[:, 0] + 2 * wild) - 0.3)))
        else:
            share = 1 / (1 + np.exp(-12 * (wild - 0.4)))
        albedo = first + (second - first) * share[:, None]
        lighter = pale * np.exp(-((away / snout) ** 2))
        albedo = albedo + (0.8 - albedo) * lighter[:, None]
        tone = np.exp(contrast * _combed(points, nose, fineness, shift))[:, None]
        return np.asarray(np.clip(albedo * tone, 0.01, 0.95))

    return texture


def hairs(rng: Rng, mesh: Mesh, nose: FloatArray, count: int, length: float) -> Mesh:
    """Let single hairs stand off a surface, so that its outline is soft.

    Args:
        rng: source of chance.
        mesh: the skin.
        nose: (3,) from where they are combed.
        count: number of hairs.
        length: of a hair.
    """
    root = rng.choice(len(mesh.positions), count)
    start, outward = mesh.positions[root], mesh.normals[root]
    along = unit(outward + 1.8 * unit(start - nose) + rng.normal(0, 0.25, (count, 3)))
    side = unit(np.cross(along, outward) + 1e-6) * 0.0045
    lengths = length * rng.uniform(0.5, 1.3, (count, 1))
    tip = start + along * lengths
    positions = np.stack([start - side, start + side, tip], axis=1).reshape(-1, 3)
    faces = np.arange(3 * count).reshape(-1, 3)
    return mesh_of(positions, faces, np.repeat(outward, 3, axis=0))


def _ear(rng: Rng, *, droops: bool) -> Mesh:
    """Make an ear that stands on z = 0, its opening to -y."""
    u, v = np.meshgrid(np.linspace(0, 1, 20), np.linspace(-1, 1, 15), indexing="ij")
    wide, tall = rng.uniform(0.22, 0.36), rng.uniform(0.4, 0.9)
    taper = (1 - u ** rng.uniform(1.2, 3)) * (0.75 + 0.25 * np.minimum(u * 4, 1))
    x, y, z = wide * v * taper, 0.3 * wide * (1 - v**2) * taper, tall * u
    if droops:
        bend = 2.2 * u**0.8
        y, z = y - 0.15 * u, tall * np.sin(bend) / 2.2
        x = x + 0.25 * tall * (1 - np.cos(bend))
    points = np.stack([x, y, z], axis=-1)
    faces = grid_faces(*x.shape)
    return mesh_of(points.reshape(-1, 3), faces, smooth_normals(points.reshape(-1, 3), faces))


def _skull(rng: Rng, muzzle: float) -> list[Primitive]:
    wide = rng.uniform(0.85, 1.2)
    tip = -0.75 - muzzle
    form = [
        ellipsoid((0, 0, 0.1), (0.75 * wide, 0.72, 0.66)),
        limb((0, 0.25, -0.3), (0, 1.2, -2.2), 0.75),
        limb((0, -0.35, 0.25), (0, tip + 0.15, -0.18), 0.17),
        limb((0, -0.4, -0.35), (0, tip + 0.2, -0.42), 0.24 * rng.uniform(0.8, 1.2)),
        ellipsoid((0, -0.55 - 0.5 * muzzle, -0.62), (0.22, 0.2 + 0.4 * muzzle, 0.12)),
    ]
    for side in (-1, 1):
        form.append(ellipsoid((side * 0.42 * wide, -0.3, -0.3), (0.36, 0.36, 0.36)))
        form.append(ellipsoid((side * 0.15, tip + 0.12, -0.38), (0.19, 0.2, 0.17)))
        form.append(ellipsoid((side * _EYE[0], -0.5, 0.36), (0.22, 0.16, 0.1)))
        socket = ellipsoid(_EYE * [side, 1.45, 1], (0.18, 0.16, 0.14), blend=0.1, carves=True)
        form += [socket, ellipsoid(_EYE * [side, 1, 1], (0.19,) * 3, blend=0.04)]
    return form


def animal_head(rng: Rng) -> Thing:
    """The head of a cat, a dog, a bear or a fox, on its neck."""
    muzzle, shift = rng.uniform(0.05, 0.7), rng.uniform(0, 64, 3)
    nose = np.array([0.0, -0.78 - muzzle, -0.2])
    fineness, shaggy = rng.uniform(0.3, 0.8), rng.uniform(0.006, 0.035)
    half = rng.uniform(0.08, 0.13)

    def relief(points: FloatArray) -> FloatArray:
        total = shaggy * _combed(points, nose, fineness, shift)
        total += 0.6 * shaggy * noise(points, UNEVEN, scale=0.4, shift=shift)
        for side in (-1, 1):
            x, z = points[:, 0] - side * _EYE[0], points[:, 2] - _EYE[2]
            gap = half * (1 - (x / 0.17) ** 2) - np.abs(z)
            total -= 0.07 * np.clip(gap / 0.02, 0, 1) * (points[:, 1] < -0.3)
        mouth = np.exp(-(((points[:, 2] + 0.52 + 0.4 * points[:, 0] ** 2) / 0.03) ** 2))
        return total - 0.05 * mouth * (points[:, 1] < -0.6) * (np.abs(points[:, 0]) < 0.35)

    mesh = radial(
        _skull(rng, muzzle),
        start=3.4,
        blend=0.2,
        num_rings=150,
        num_sides=170,
        front=0.5,
        relief=relief,
    )
    coat = fur(rng, nose, fineness, shift)
    head: Thing = [Body(mesh, coat)]
    if rng.random() < 0.7:
        head.append(Body(hairs(rng, mesh, nose, 9000, rng.uniform(0.08, 0.22)), coat))
    iris = np.array([(0.35, 0.4, 0.06), (0.4, 0.22, 0.04), (0.03, 0.015, 0.01)])[rng.integers(3)]
    ball = eye(rng, iris, np.array([0, -1.0, 0]), _EYE_RADIUS, slit=rng.random() < 0.4)
    tip = radial(
        [ellipsoid((0, 0, 0), (0.13, 0.1, 0.09))], start=0.5, blend=0.1, num_rings=30, num_sides=40
    )
    dark = color_of(rng, "grey") * 0.15 if rng.random() < 0.6 else np.array([0.5, 0.2, 0.17])
    head += moved([Body(tip, even(dark), 0.3, 40.0)], nose)
    droops = rng.random() < 0.35
    for side in (-1, 1):
        head += moved([ball], _EYE * [side, 1, 1])
        mesh = _ear(rng, droops=droops)
        mesh = mesh_of(mesh.positions * [side, 1, 1], mesh.faces)
        turn = rotation(-side * 0.3, side * 0.35, 0)
        head += moved([Body(mesh, coat)], (side * 0.5, 0.05, 0.5), turn=turn)
    return moved(head, turn=rotation(rng.normal(0, 0.5), rng.normal(0, 0.12), rng.normal(0, 0.2)))


def beast(rng: Rng) -> Thing:
    """A whole animal on four legs, seen from its side."""
    long, tall, fat = rng.uniform(0.5, 0.9), rng.uniform(0.3, 0.8), rng.uniform(0.2, 0.42)
    neck = np.array([long + rng.uniform(0.1, 0.4), 0, rng.uniform(0.1, 0.7)])
    snout = neck + np.array([rng.uniform(0.15, 0.4), 0, rng.uniform(-0.25, 0.05)])
    form = [
        limb((-long, 0, 0), (long, 0, rng.normal(0, 0.08)), fat),
        ellipsoid((-0.8 * long, 0, 0.02), (fat * 1.1, fat * 1.05, fat * 1.1)),
        limb((long, 0, 0.05), neck, fat * rng.uniform(0.45, 0.75)),
        ellipsoid(neck, np.full(3, rng.uniform(0.17, 0.26))),
        limb(neck, snout, rng.uniform(0.08, 0.15)),
        limb((-long - fat, 0, 0.1), (-long - fat - 0.35, 0, rng.uniform(-0.5, 0.4)), 0.06),
    ]
    for x in (-long, long):
        for side in (-1, 1):
            knee = (x + rng.normal(0, 0.1), side * fat * 0.6, -0.5 * tall - 0.5 * fat)
            foot = (x + rng.normal(0, 0.12), side * fat * 0.6, -tall - fat)
            form += [limb((x, side * fat * 0.5, 0), knee, 0.13), limb(knee, foot, 0.085)]
    for side in (-1, 1):
        ear = neck + np.array([-0.05, side * 0.12, 0.2])
        form.append(limb(neck, ear + np.array([0, side * 0.05, rng.uniform(0, 0.15)]), 0.05))
    mesh = blended(form, 0.12, rng=rng, steps=60, half=1.75)
    shift, nose = rng.uniform(0, 64, 3), snout
    depth = rng.choice([0.0, 0.01, 0.025])
    push = depth * noise(mesh.positions * [1, 1, 0.5], UNEVEN, scale=0.6, shift=shift)
    mesh = mesh_of(mesh.positions + mesh.normals * push[:, None], mesh.faces)
    coat = fur(rng, nose, 0.6, shift)
    bodies: Thing = [Body(mesh, coat, float(rng.choice([0, 0, 0.1])))]
    if rng.random() < 0.4:
        bodies.append(Body(hairs(rng, mesh, nose, 4000, rng.uniform(0.04, 0.15)), coat))
    return fitted(moved(bodies, turn=rotation(rng.uniform(0, 2 * np.pi))))


def bird(rng: Rng) -> Thing:
    """A bird that sits, seen from its side."""
    form = [
        ellipsoid((0, 0, 0), (0.6, 0.4, 0.42)),
        ellipsoid((0.55, 0, 0.45), (0.27, 0.25, 0.26)),
        limb((0.35, 0, 0.15), (0.5, 0, 0.35), 0.24),
        limb((0.75, 0, 0.45), (rng.uniform(0.95, 1.2), 0, 0.38), 0.06, blend=0.04),
        limb((-0.5, 0, 0), (-1.2, 0, rng.uniform(-0.3, 0.3)), 0.14),
        *(ellipsoid((-0.15, s * 0.34, 0.02), (0.6, 0.12, 0.3), blend=0.03) for s in (-1, 1)),
    ]
    mesh = blended(form, 0.15, rng=rng, steps=60, half=1.4)
    shift = rng.uniform(0, 64, 3)
    push = 0.012 * noise(mesh.positions * [0.5, 1, 1], ROUGH, scale=0.5, shift=shift)
    mesh = mesh_of(mesh.positions + mesh.normals * push[:, None], mesh.faces)
    nose = np.array([1.0, 0, 0.4])
    colors = any_color(rng), any_color(rng)
    coat, belly = fur(rng, nose, 0.5, shift), rng.uniform(-0.3, 0.1)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        share = np.clip((points[:, 2] - belly) * 8, 0, 1)[:, None]
        return np.asarray(
            0.4 * coat(points, uvs) + 0.6 * (colors[0] + (colors[1] - colors[0]) * share)
        )

    bodies: Thing = [Body(mesh, texture)]
    ball = eye(rng, np.full(3, 0.02), np.array([0, -1.0, 0]), 0.05)
    for side in (-1, 1):
        bodies += moved([ball], (0.64, side * 0.2, 0.5))
    return fitted(moved(bodies, turn=rotation(rng.uniform(0, 2 * np.pi))))
