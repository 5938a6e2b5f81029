"""Rays through a composition, in one merged mesh: what the camera sees, and what lamps reach.

Arrays of rays go to Mitsuba; the rest is numpy in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np

from model_export.scenes import variants
from model_export.scenes.description import Camera, FloatArray, IntArray
from model_export.scenes.everyday.bodies import Thing
from model_export.scenes.shapes import facing_normals

_FAR = 1e6
# Least cosine between a normal and the way to the viewer: smooth normals turn away at outlines.
_LEAST_COSINE = 0.02
# Beyond this cosine the normal itself says on which side it is seen: those of leaves follow
# their crown, not their own plane. Below it the plane decides.
_BACK = 0.2


def prepare(num_threads: int = 1) -> None:
    """Choose an array variant of Mitsuba where none is active, and its number of threads.

    Raises:
        ValueError: LLVM is missing; see `variants.activate`.
    """
    if mi.variant() is None or not dr.is_jit_v(mi.Float):
        variants.activate("llvm_ad_rgb")
        dr.set_thread_count(num_threads)


@dataclass(frozen=True, slots=True)
class View:
    """A camera's place and axes.

    Attributes:
        origin: (3,).
        axes: (3, 3), columns: to the right, up, towards the viewer.
        half_width: tangent of half the field of view.
    """

    origin: FloatArray
    axes: FloatArray
    half_width: float

    @classmethod
    def of(cls, camera: Camera) -> View:
        """Stand where a camera stands."""
        origin = np.array(camera.origin)
        back = origin - np.array(camera.target)
        back /= np.linalg.norm(back)
        right = np.cross([0.0, 0.0, 1.0], back)
        right /= np.linalg.norm(right)
        up = np.cross(back, right)
        c, s = np.cos(np.deg2rad(camera.roll_deg)), np.sin(np.deg2rad(camera.roll_deg))
        axes = np.stack([c * right + s * up, c * up - s * right, back], axis=1)
        return cls(origin, axes, float(np.tan(np.deg2rad(camera.field_of_view_deg) / 2)))

    def directions(self, film: FloatArray) -> FloatArray:
        """Unit directions (n, 3) through points (n, 2) of the film, in [0, 1] from the top left."""
        x, y = (film * 2 - 1).T * self.half_width
        return normalized(np.stack([x, -y, -np.ones_like(x)], axis=1) @ self.axes.T)


@dataclass(frozen=True, slots=True)
class Hits:
    """What the rays of n samples meet first. Rows of the arrays belong to rays that met something.

    Attributes:
        ray: (k,) numbers of these rays.
        body: (k,) which body.
        points: (k, 3).
        normals: (k, 3) smooth unit normals, turned to the viewer.
        uvs: (k, 2).
        lifted: (k, 3) the points, raised to the smooth surface that the triangles stand for, and
            clear of it: where rays to lamps start.
    """

    ray: IntArray
    body: IntArray
    points: FloatArray
    normals: FloatArray
    uvs: FloatArray
    lifted: FloatArray


def normalized(vectors: FloatArray) -> FloatArray:
    """Scale vectors (n, 3) to length 1; float32."""
    vectors = np.asarray(vectors, dtype=np.float32)
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return np.asarray(vectors / np.maximum(length, np.float32(1e-12))[:, None])


def dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Scalar products (n,) of vectors (n, 3)."""
    return np.asarray(np.einsum("ij,ij->i", a, b))


class Tracer:
    """A thing in Mitsuba's hands."""

    def __init__(self, thing: Thing) -> None:
        meshes = [body.mesh for body in thing]
        first = np.cumsum([0] + [len(mesh.positions) for mesh in meshes[:-1]])
        faces = [facing_normals(mesh) + k for mesh, k in zip(meshes, first, strict=True)]
        self._body = np.repeat(np.arange(len(thing)), [len(f) for f in faces])
        self._faces = np.concatenate(faces).astype(np.uint32)
        self._positions = _joined([mesh.positions for mesh in meshes])
        self._normals = normalized(np.concatenate([mesh.normals for mesh in meshes]))
        self._uvs = _joined([mesh.uvs for mesh in meshes])
        self._scene: Any = self._loaded()

    def _loaded(self) -> Any:
        mesh = mi.Mesh("merged", len(self._positions), len(self._faces))
        parameters = mi.traverse(mesh)
        for name, values in (("vertex_positions", self._positions), ("faces", self._faces)):
            parameters[name] = type(parameters[name])(values.ravel())
        parameters.update()
        return mi.load_dict({"type": "scene", "mesh": mesh})

    def first_hits(self, origin: FloatArray, directions: FloatArray, margin: float) -> Hits:
        """Follow rays (n, 3) from one point.

        Args:
            origin: (3,).
            directions: (n, 3) unit.
            margin: distance by which rays to lamps start above the surface, at distance 1.
        """
        start = np.broadcast_to(origin.astype(np.float32), directions.shape)
        found = self._scene.ray_intersect_preliminary(mi.Ray3f(_point(start), _vector(directions)))
        dr.eval(found)
        ray = np.flatnonzero(np.array(found.is_valid()))
        distance = np.array(found.t)[ray]
        face = np.array(found.prim_index)[ray]
        u, v = np.array(found.prim_uv)[:, ray]
        weights = np.stack([1 - u - v, u, v], axis=1).astype(np.float32)
        corners = self._faces[face]
        vertices, vertex_normals = self._positions[corners], self._normals[corners]
        flat = normalized(
            np.cross(vertices[:, 1] - vertices[:, 0], vertices[:, 2] - vertices[:, 0])
        )
        ahead = directions[ray]
        flat = flat * -np.sign(dot(flat, ahead))[:, None]
        normals = normalized(np.einsum("nk,nki->ni", weights, vertex_normals))
        with_face = _sign(dot(normals, flat))
        away = dot(normals, ahead)[:, None]
        normals = normals * np.where(np.abs(away) > _BACK, _sign(-away[:, 0]), with_face)
        points = np.einsum("nk,nki->ni", weights, vertices)
        lifted = _raised(points, weights, vertices, vertex_normals * with_face[:, :, None])
        lifted = lifted + flat * (margin * (1 + distance))[:, None]
        uvs = np.einsum("nk,nki->ni", weights, self._uvs[corners])
        return Hits(ray, self._body[face], points, _to_viewer(normals, ahead), uvs, lifted)

    def free(
        self, points: FloatArray, directions: FloatArray, reach: FloatArray | None = None
    ) -> Any:
        """Whether nothing lies on the way: (n,) bool.

        Args:
            points: (n, 3) starts.
            directions: (n, 3) unit.
            reach: (n,) lengths of the ways; endless where it is None.
        """
        if len(points) == 0:  # Dr.Jit ends the process where it is handed no rays
            return np.zeros(0, bool)
        ends = np.full(len(points), _FAR, np.float32) if reach is None else reach
        rays: Any = mi.Ray3f(_point(points), _vector(directions))
        rays.maxt = mi.Float(np.ascontiguousarray(ends, dtype=np.float32))
        return ~np.array(self._scene.ray_test(rays))


def _sign(values: FloatArray) -> FloatArray:
    """Signs (n, 1) of numbers (n,), 1 for 0."""
    return np.where(values < 0, np.float32(-1), np.float32(1))[:, None]


def _joined(arrays: list[FloatArray]) -> FloatArray:
    return np.concatenate(arrays).astype(np.float32)


def _raised(
    points: FloatArray, weights: FloatArray, vertices: FloatArray, normals: FloatArray
) -> FloatArray:
    """Move points up to the surface that smooth normals imply, where it is convex.

    After Hanika, Hacking the Shadow Terminator (Ray Tracing Gems II, 2021): shadows then end
    where the smooth surface turns away from the light, not at the edges of triangles.
    """
    below = np.einsum("nki,nki->nk", vertices - points[:, None], normals)
    shift = np.einsum("nk,nki->ni", weights * np.maximum(below, 0), normals)
    return np.asarray(points + shift)


def _to_viewer(normals: FloatArray, ahead: FloatArray) -> FloatArray:
    """Turn normals that look away from the viewer until they just face him."""
    facing = -dot(normals, ahead)
    lack = np.maximum(_LEAST_COSINE - facing, 0)
    return normalized(normals - ahead * lack[:, None])


def _vector(values: FloatArray) -> Any:
    return mi.Vector3f(np.ascontiguousarray(values.T, dtype=np.float32))


def _point(values: FloatArray) -> Any:
    return mi.Point3f(np.ascontiguousarray(values.T, dtype=np.float32))
