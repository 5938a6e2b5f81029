"""Heads of people: skin, eyes; in units of half a head's height.

The centre lies between the ears, the face looks to -y; the chin is at z = -1, the top at 1. Forms
come from a linear model of heads, which `model_export.scenes.makehuman` makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from model_export.scenes.description import FloatArray, IntArray, Mesh
from model_export.scenes.everyday.bodies import Body, Rng, Texture, Thing, mesh_of, moved
from model_export.scenes.everyday.colors import color_of
from model_export.scenes.everyday.linear_forms import LinearForms
from model_export.scenes.everyday.volumes import GRITTY, ROUGH, SMOOTH, noise
from model_export.scenes.shapes import smooth_normals, split_faces, unit
from model_export.scenes.stones import icosphere

_BROW_Z = 0.13
_MOUTH_Z = -0.68
_NOSE_Z = -0.42
_LOWEST, _HIGHEST = 0.01, 0.95


@dataclass(frozen=True, slots=True)
class _HeadModel:
    """Heads, and the skin's faces.

    Attributes:
        forms: of the skin, then the right and the left eye.
        num_skin: how many vertices the skin has.
        faces: (m, 3) of the skin.
        edges: (e, 2), the ends of the skin's edges.
        split: (4m, 3), faces between vertices and the middles of edges, numbered after them.
    """

    forms: LinearForms
    num_skin: int
    faces: IntArray
    edges: IntArray
    split: IntArray


@cache
def _model() -> _HeadModel:
    with np.load(Path(__file__).with_name("heads.npz")) as stored:
        forms, faces = LinearForms.of(stored), stored["faces"].astype(int)
        num_skin = int(stored["num_skin"])
    edges, split = split_faces(faces, num_skin)
    return _HeadModel(forms, num_skin, faces, edges, split)


@dataclass(frozen=True, slots=True)
class Head:
    """A bare head, and where its skin is, for hair to fit.

    Attributes:
        thing: skin and eyes.
        directions: finds the skin's vertices by their direction from the centre.
        distances: (n,) of these vertices from the centre.
    """

    thing: Thing
    directions: cKDTree
    distances: FloatArray

    def reach(self, directions: FloatArray) -> FloatArray:
        """Return how far (...) the skin is from the centre in some directions (..., 3)."""
        flat = directions.reshape(-1, 3)
        away, near = self.directions.query(flat, k=4)
        weights = 1 / (np.asarray(away) + 0.02) ** 2
        distance = (self.distances[near] * weights).sum(axis=1) / weights.sum(axis=1)
        return np.asarray(distance.reshape(directions.shape[:-1]))


def _skin(model: _HeadModel, vertices: FloatArray) -> Mesh:
    """Split each face in four that bulge as the normals say (Phong tessellation).

    Texture coordinates are x and z of the same point on the mean head.
    """
    normals = smooth_normals(vertices, model.faces)
    ends, along = vertices[model.edges], normals[model.edges]
    middle = ends.mean(axis=1)
    above = ((middle[:, None] - ends) * along).sum(axis=2, keepdims=True)
    middle = middle - 0.75 * (above * along).mean(axis=1)
    places = model.forms.mean[: model.num_skin, [0, 2]].astype(float)
    return Mesh(
        positions=np.concatenate([vertices, middle]),
        normals=np.concatenate([normals, unit(along.sum(axis=1))]),
        uvs=np.concatenate([places, places[model.edges].mean(axis=1)]),
        faces=model.split,
    )


def _bump(places: FloatArray, at: FloatArray, width: FloatArray) -> FloatArray:
    """Gaussian (n,) around a place in the plane of the face."""
    return np.asarray(np.exp(-(((places - at) / width) ** 2).sum(axis=1)))


def skin_texture(rng: Rng, color: FloatArray) -> Texture:
    """Skin with redder cheeks, lips and nose, darker brows, stubble, freckles.

    Its texture coordinates are those of `_skin`.
    """
    shift, lip = rng.uniform(0, 64, 3), color * rng.uniform([0.7, 0.3, 0.3], [1.0, 0.7, 0.7])
    brow, flush = color_of(rng, "hair"), rng.uniform(0.0, 0.35)
    strength, stubble = rng.uniform(0.2, 0.95), rng.uniform(0, 0.35) * (rng.random() < 0.3)
    thick, freckles = rng.uniform(0.03, 0.06), rng.uniform(0, 0.25) * (rng.random() < 0.3)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        x, z = uvs.T
        front = points[:, 1] < -0.25
        tone = np.exp(0.06 * noise(points, ROUGH, scale=0.4, shift=shift))
        tone -= freckles * np.maximum(noise(points, GRITTY, scale=0.5, shift=-shift) - 1, 0)
        albedo = color * tone[:, None]
        red = sum(_bump(uvs, np.array(c), np.array(w)) for c, w in _FLUSHED) * front
        albedo = albedo * (1 - flush * np.asarray(red)[:, None] * np.array([0.1, 0.6, 0.6]))
        mouth = (_bump(uvs, np.array([0, _MOUTH_Z]), np.array([0.2, 0.1])) > 0.45) & front
        albedo = np.where(mouth[:, None], lip * tone[:, None], albedo)
        arch = _BROW_Z + 0.08 * np.abs(x) - 0.5 * np.maximum(np.abs(x) - 0.34, 0)
        hairs = np.abs(z - arch) < thick + 0.02 * noise(points * [3, 3, 0.5], GRITTY, shift=shift)
        brows = hairs & front & (np.abs(np.abs(x) - 0.29) < 0.2)
        albedo = np.where(brows[:, None], albedo + (brow - albedo) * strength, albedo)
        beard = stubble * np.clip((-0.45 - z) * 6, 0, 1) * (z > -1.05) * (points[:, 1] < 0.1)
        return np.asarray(np.clip(albedo * (1 - beard[:, None]), _LOWEST, _HIGHEST))

    return texture


_FLUSHED = (
    ((-0.36, -0.38), (0.2, 0.2)),
    ((0.36, -0.38), (0.2, 0.2)),
    ((0, _NOSE_Z), (0.14, 0.12)),
)


def eye(rng: Rng, iris: FloatArray, gaze: FloatArray, radius: float, *, slit: bool = False) -> Body:
    """Make an eyeball around the origin that looks along a unit vector.

    Args:
        rng: source of chance.
        iris: (3,) albedo.
        gaze: (3,).
        radius: of the ball.
        slit: a cat's pupil.
    """
    positions, faces = icosphere(4)
    white, pupil = np.array([0.75, 0.7, 0.66]), rng.uniform(0.955, 0.985)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        outward = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
        ahead = outward @ gaze
        albedo = np.where((ahead > 0.88)[:, None], iris * (0.4 + 5 * (1 - ahead[:, None])), white)
        dark = ahead > pupil
        if slit:
            dark = (np.abs(outward[:, 0] - gaze[0]) < 0.09) & (ahead > 0.9)
        return np.clip(np.where(dark[:, None], 0.012, albedo), _LOWEST, _HIGHEST)

    mesh = mesh_of(positions * radius, faces, positions)
    return Body(mesh, texture, specular=0.4, shininess=150)


def _eyes(rng: Rng, balls: FloatArray) -> Thing:
    """Put eyes where the vertices of two eyeballs (2, n, 3) lie."""
    iris = np.array([(0.06, 0.03, 0.015), (0.12, 0.2, 0.3), (0.1, 0.14, 0.06)])[rng.integers(3)]
    gaze = unit(np.array([rng.normal(0, 0.2), -1.0, rng.normal(0, 0.1)]))
    low, high = balls.min(axis=1), balls.max(axis=1)
    radius = float((high - low)[:, [0, 2]].mean() / 2)
    ball = eye(rng, iris, gaze, radius)
    return [body for middle in (low + high) / 2 for body in moved([ball], middle)]


def bare_head(rng: Rng, color: FloatArray | None = None) -> Head:
    """Make a head without hair, with its neck.

    Args:
        rng: source of chance.
        color: (3,) albedo of the skin; drawn where it is None.
    """
    model = _model()
    skin, eyes = np.split(model.forms.draw(rng, 2.2), [model.num_skin])
    mesh = _skin(model, skin)
    depth = float(rng.choice([0.0, 0.003, 0.008]))
    shift = rng.uniform(0, 64, 3)
    creases = np.abs(noise(mesh.positions * [0.5, 1, 1.6], SMOOTH, scale=0.5, shift=shift))
    uneven = depth * creases - 0.0015 * noise(mesh.positions, ROUGH, scale=0.6, shift=shift)
    grown = mesh.positions - uneven[:, None] * mesh.normals
    mesh = Mesh(grown, smooth_normals(grown, mesh.faces), mesh.uvs, mesh.faces)
    color = color_of(rng, "skin") if color is None else color
    gloss = float(rng.choice([0.0, 0.04, 0.12]))
    body = Body(mesh, skin_texture(rng, color), gloss, float(rng.uniform(8, 30)))
    distances = np.linalg.norm(skin, axis=1)
    return Head([body, *_eyes(rng, eyes.reshape(2, -1, 3))], cKDTree(unit(skin)), distances)
