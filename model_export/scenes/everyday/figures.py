"""People from head to foot, in metres; forms and skin weights come from MakeHuman's model.

`model_export.scenes.makehuman` makes `people.npz`. The person looks to -y and stands on z = 0
before a pose is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from model_export.scenes.description import FloatArray, IntArray, Mesh
from model_export.scenes.everyday import hair
from model_export.scenes.everyday.bodies import Body, Rng, Texture, Thing, mesh_of, moved
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.heads import Head
from model_export.scenes.everyday.linear_forms import LinearForms
from model_export.scenes.everyday.skeleton import BONES, draw_pose, posed
from model_export.scenes.everyday.textures import patterned, plain
from model_export.scenes.everyday.volumes import ROUGH, SMOOTH, UNEVEN, noise
from model_export.scenes.shapes import smooth_normals, split_faces, unit

_TRUNK: Final = ("pelvis", "waist", "ribs", "chest", "clavicle")
_SLEEVES: Final = ((), ("upper_arm",), ("upper_arm", "forearm"), ("upper_arm", "forearm"))
_LEGS: Final = (("thigh",), ("thigh", "shin"), ("thigh", "shin"))
_MAX_DEVIATION: Final = 2.0


@dataclass(frozen=True, slots=True)
class _PeopleModel:
    """Bodies, and how they bend.

    Attributes:
        forms: of n vertices, then of the joints.
        weights: (n, num_bones), how much each vertex follows each bone.
        skin, skirt: (m, 3), faces.
    """

    forms: LinearForms
    weights: FloatArray
    skin: IntArray
    skirt: IntArray


@cache
def _model() -> _PeopleModel:
    with np.load(Path(__file__).with_name("people.npz")) as stored:
        weights = stored["weights"].astype(np.float32)
        return _PeopleModel(
            LinearForms.of(stored),
            weights / weights.sum(axis=1, keepdims=True),
            stored["skin"].astype(int),
            stored["skirt"].astype(int),
        )


def figure(rng: Rng) -> Thing:
    """Make a person of any age and build, in any pose, clothed or bare, with or without hair."""
    model = _model()
    rest, joints = np.split(model.forms.draw(rng, _MAX_DEVIATION), [-len(BONES)])
    skin_color = color_of(rng, "skin")
    surfaces = [_clothed(rng, model, rest, skin_color)]
    if rng.random() < 0.4:
        surfaces.append(_skirt(rng, model, rest))
    directions, turns = draw_pose(rng)
    bodies = []
    for surface, weights in surfaces:
        mesh = surface.mesh
        bent, rotations, places = posed(mesh.positions, joints, weights, directions, turns)
        normals = smooth_normals(bent, mesh.faces)
        bodies.append(replace(surface, mesh=replace(mesh, positions=bent, normals=normals)))
    if rng.random() < 0.85:
        k = BONES.index("head")
        grown = _hair(rng, rest[: model.skin.max() + 1], model.weights[:, k])
        bodies += moved(grown, places[k] - rotations[k] @ joints[k], turn=rotations[k])
    return bodies


def _cover(weights: FloatArray, limbs: tuple[str, ...]) -> FloatArray:
    """Return how much each vertex (n,) belongs to some limbs, whichever side."""
    names = [bone.removesuffix("_l").removesuffix("_r") for bone in BONES]
    of_limb = [k for k, name in enumerate(names) if name in limbs]
    return np.asarray(weights[:, of_limb].sum(axis=1))


def _clothed(
    rng: Rng, model: _PeopleModel, rest: FloatArray, skin_color: FloatArray
) -> tuple[Body, FloatArray]:
    """Dress the skin: shirts and trousers lie off it, in folds.

    Texture coordinates are how much a shirt covers a point, and trousers (1) or shoes (2).
    """
    skin = rest[: model.skin.max() + 1]
    weights = model.weights[: len(skin)]
    legs, sleeves = _LEGS[rng.integers(len(_LEGS))], _SLEEVES[rng.integers(len(_SLEEVES))]
    trousers = _cover(weights, ("pelvis", *legs)) * (rng.random() < 0.75)
    shirt = _cover(weights, (*_TRUNK, *sleeves)) * (rng.random() < 0.75)
    shoes = _cover(weights, ("foot",)) * (rng.random() < 0.6)
    cloth = np.clip(2 * np.maximum(shirt, trousers) - 0.5, 0, 1)
    shift, lengths = rng.uniform(0, 64, 3), np.array([1, 1, rng.uniform(0.3, 0.8)])
    loose, depth = rng.uniform(0.003, 0.03), rng.uniform(0.003, 0.022)
    wild = noise(skin * lengths, SMOOTH, scale=rng.uniform(0.8, 2.5), shift=shift)
    small = noise(skin * lengths, UNEVEN, scale=2.5, shift=shift)
    uneven = 0.0006 * noise(skin, ROUGH, scale=4.0, shift=shift)
    outwards = cloth * (loose + depth * np.abs(wild) + 0.3 * depth * small) + uneven
    outwards = outwards + 0.012 * np.clip(2 * shoes - 0.5, 0, 1)
    grown = skin + outwards[:, None] * smooth_normals(skin, model.skin)
    regions = np.stack([shirt, trousers + 2 * shoes], axis=1)
    mesh = Mesh(grown, smooth_normals(grown, model.skin), regions, model.skin)
    gloss = float(rng.choice([0.0, 0.0, 0.05]))
    return Body(mesh, _dress(rng, skin_color), gloss, 20.0), weights


def _dress(rng: Rng, skin_color: FloatArray) -> Texture:
    shirt, trousers = (
        patterned(rng) if rng.random() < 0.3 else plain(rng, any_color(rng)) for _ in range(2)
    )
    bare, shoes = plain(rng, skin_color), plain(rng, any_color(rng))

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        albedo = np.where(uvs[:, 1:] > 0.5, trousers(points, uvs), bare(points, uvs))
        albedo = np.where(uvs[:, :1] > 0.5, shirt(points, uvs), albedo)
        return np.where(uvs[:, 1:] > 1.5, shoes(points, uvs), albedo)

    return texture


def _skirt(rng: Rng, model: _PeopleModel, rest: FloatArray) -> tuple[Body, FloatArray]:
    """Make a skirt or the lower part of a robe, with folds that hang from the waist."""
    first = int(model.skirt.min())
    positions, weights = rest[first:], model.weights[first:]
    faces = model.skirt - first
    for _ in range(2):
        edges, faces = split_faces(faces, len(positions))
        positions, weights = (
            np.concatenate([plane, plane[edges].mean(axis=1)]) for plane in (positions, weights)
        )
    low, high = positions[:, 2].min(), positions[:, 2].max()
    down = (high - positions[:, 2]) / (high - low)
    around = np.arctan2(positions[:, 0], -positions[:, 1])
    shift = rng.uniform(0, 64, 3)
    wild = noise(positions * [1, 1, 0.3], UNEVEN, scale=1.2, shift=shift)
    waves = np.sin(around * rng.integers(7, 19) + 1.5 * wild)
    depth = rng.uniform(0.005, 0.03)
    wide = down * rng.uniform(0.0, 0.08) + depth * (0.3 + down) * (waves + 0.5 * wild)
    outwards = unit(positions * [1, 1, 0] + 1e-6)
    end = low + rng.uniform(0, 0.5) * (high - low)
    grown = positions + outwards * wide[:, None]
    seen = (grown[faces][..., 2] > end).all(axis=1)
    kept, corners = np.unique(faces[seen], return_inverse=True)
    mesh = mesh_of(grown[kept], corners.reshape(-1, 3))
    texture = patterned(rng) if rng.random() < 0.4 else plain(rng, any_color(rng))
    return Body(mesh, texture), weights[kept]


def _hair(rng: Rng, skin: FloatArray, of_head: FloatArray) -> Thing:
    """Grow hair on the head of a body at rest."""
    head = skin[of_head[: len(skin)] > 0.5]
    low, high = head.min(axis=0), head.max(axis=0)
    middle, size = (low + high) / 2, (high - low)[2] / 2
    near = (head - middle) / size
    form = Head([], cKDTree(unit(near)), np.linalg.norm(near, axis=1))
    return moved([hair.hair(rng, form)], middle, size=size)
