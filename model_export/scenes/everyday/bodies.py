"""Bodies: meshes that know their surface. A thing is a list of bodies that belong together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from model_export.scenes.description import Camera, FloatArray, IntArray, Mesh
from model_export.scenes.shapes import rotation, smooth_normals, unit

Rng: TypeAlias = np.random.Generator
# Points (n, 3) in the body's own frame and texture coordinates (n, 2) -> colours (n, 3).
Texture: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]
# Unit directions (n, 3) in the world -> radiance (n, 3).
Sky: TypeAlias = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Body:
    """A mesh with its surface.

    Attributes:
        mesh: its form.
        texture: its albedo, scene-linear, in [0, 1].
        specular: strength of its highlights; 0 is matt.
        shininess: exponent of its highlights (Blinn-Phong).
        relightable: 1 where a lamp should light it; see `SceneMaps.relightable`.
        glow: the radiance that it sends out by itself; None is none.
        reflection: share of the sky that it mirrors.
    """

    mesh: Mesh
    texture: Texture
    specular: float = 0.0
    shininess: float = 30.0
    relightable: float = 1.0
    glow: Texture | None = None
    reflection: float = 0.0


Thing: TypeAlias = list[Body]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """All that a picture needs.

    Attributes:
        layout: its name.
        bodies: everything in the scene.
        camera: where it is seen from.
        reach: half the size of what the picture is about.
        grounded: lamps stand above the horizon only.
        low_sun: some lamps stand low and are small, for long hard shadows.
        sky: what is seen where there is nothing.
    """

    layout: str
    bodies: Thing
    camera: Camera
    reach: float
    grounded: bool
    low_sun: bool
    sky: Sky


@dataclass(frozen=True, slots=True)
class Context:
    """What a layout may ask for besides chance.

    Attributes:
        seed: number of the scene.
        painting: draws a picture (h, w, 3), scene-linear in [0, 1], to hang up or print.
    """

    seed: int
    painting: Callable[[Rng], FloatArray]


def mesh_of(positions: FloatArray, faces: IntArray, normals: FloatArray | None = None) -> Mesh:
    """Make a mesh without texture coordinates; its normals are smooth where none are given."""
    normals = smooth_normals(positions, faces) if normals is None else normals
    return Mesh(positions, normals, np.zeros((len(positions), 2)), faces)


def random_turn(rng: Rng) -> FloatArray:
    """Draw a rotation matrix (3, 3), evenly among all."""
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return np.asarray(q * np.sign(np.linalg.det(q)))


def _seen_from(texture: Texture, at: FloatArray, size: float, turn: FloatArray) -> Texture:
    return lambda points, uvs: texture((points - at) @ turn / size, uvs)


def moved(
    thing: Thing,
    at: FloatArray | tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    size: float = 1.0,
    turn: FloatArray | None = None,
) -> Thing:
    """Turn a thing about the origin, scale it, then move it to `at`; textures go along."""
    at, turn = np.asarray(at, dtype=float), np.eye(3) if turn is None else turn
    placed = []
    for body in thing:
        mesh = replace(
            body.mesh,
            positions=body.mesh.positions @ turn.T * size + at,
            normals=body.mesh.normals @ turn.T,
        )
        glow = None if body.glow is None else _seen_from(body.glow, at, size, turn)
        texture = _seen_from(body.texture, at, size, turn)
        placed.append(replace(body, mesh=mesh, texture=texture, glow=glow))
    return placed


def bounds(thing: Thing) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest corner of a thing."""
    low = np.min([body.mesh.positions.min(axis=0) for body in thing], axis=0)
    high = np.max([body.mesh.positions.max(axis=0) for body in thing], axis=0)
    return low, high


def fitted(thing: Thing) -> Thing:
    """Centre a thing at the origin and scale it so that its largest half size is 1."""
    low, high = bounds(thing)
    size = 2 / float((high - low).max())
    return moved(moved(thing, -(low + high) / 2), size=size)


def standing(thing: Thing, x: float, y: float, z: float = 0.0) -> Thing:
    """Move a thing so that its lowest point lies at height z above (x, y) from its origin."""
    low, _ = bounds(thing)
    return moved(thing, (x, y, z - low[2]))


def turned_flat(yaw: float) -> FloatArray:
    """Rotation matrix that stands a sheet in x, y upright, facing -y, then yaws it."""
    return rotation(yaw) @ rotation(roll=np.pi / 2)


def directed(vectors: FloatArray, axis: int = 2) -> FloatArray:
    """Flip normals so that they point to the positive side of an axis on the whole."""
    return np.asarray(unit(vectors) * np.sign(vectors[:, axis].mean() + 1e-9))
