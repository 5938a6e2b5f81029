"""Free forms: blended primitives, rippled and cut spheres, superquadrics, boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from skimage.measure import marching_cubes

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday.bodies import Rng, mesh_of, random_turn
from model_export.scenes.everyday.volumes import ROUGH, SMOOTH, UNEVEN, noise
from model_export.scenes.shapes import box, smooth_normals, unit
from model_export.scenes.stones import icosphere, ripples

Vector: TypeAlias = FloatArray | tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Primitive:
    """An ellipsoid, a rounded block or a capsule along its own z.

    Attributes:
        kind: which of them.
        center: (3,).
        radii: (3,) half sizes; a capsule has its radius, twice, and half its length.
        turn: (3, 3), columns are its own axes.
        blend: width of its seam; None takes that of the whole.
        carves: whether it is cut away instead of added.
    """

    kind: Literal["ellipsoid", "block", "capsule"]
    center: FloatArray
    radii: FloatArray
    turn: FloatArray
    blend: float | None = None
    carves: bool = False

    def distance(self, points: FloatArray) -> FloatArray:
        """Signed distance (n,) to the surface, about right near it, negative inside."""
        own = (points - self.center.astype(np.float32)) @ self.turn.astype(np.float32)
        radii = self.radii.astype(np.float32)
        if self.kind == "ellipsoid":
            scaled = own / radii
            length = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
            scaled = scaled / radii
            slope = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
            return np.asarray(length * (length - 1) / np.maximum(slope, 1e-6))
        if self.kind == "block":
            over = np.abs(own) - radii * 0.8
            outside = np.linalg.norm(np.maximum(over, 0), axis=1)
            return np.asarray(outside + np.minimum(over.max(axis=1), 0) - 0.2 * radii.min())
        own[:, 2] -= np.clip(own[:, 2], -radii[2], radii[2])
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", own, own)) - radii[0])


def ellipsoid(
    center: Vector, radii: Vector, *, blend: float | None = None, carves: bool = False
) -> Primitive:
    """Make an upright ellipsoid."""
    axes = np.asarray(center, dtype=float), np.asarray(radii, dtype=float)
    return Primitive("ellipsoid", *axes, np.eye(3), blend, carves)


def limb(start: Vector, end: Vector, radius: float, *, blend: float | None = None) -> Primitive:
    """Make a capsule from one point to another."""
    start, end = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    length = float(np.linalg.norm(end - start))
    along = (end - start) / max(length, 1e-9)
    side = unit(np.cross(along, np.eye(3)[np.abs(along).argmin()]))
    turn = np.stack([side, np.cross(along, side), along], axis=1)
    radii = np.array([radius, radius, length / 2])
    return Primitive("capsule", (start + end) / 2, radii, turn, blend)


def field_of(primitives: list[Primitive], points: FloatArray, blend: float) -> FloatArray:
    """Signed distance (n,) to melted primitives (polynomial smooth minimum), in their order.

    Args:
        primitives: what to melt; the first one must not carve.
        points: (n, 3).
        blend: width of the seams.
    """
    points = points.astype(np.float32)
    field = primitives[0].distance(points)
    for primitive in primitives[1:]:
        sign = np.float32(-1 if primitive.carves else 1)
        width = np.float32(blend if primitive.blend is None else primitive.blend)
        other, own = primitive.distance(points), field * sign
        share = np.clip(0.5 + 0.5 * (other - own) / width, 0, 1)
        field = sign * (other + (own - other) * share - width * share * (1 - share))
    return field


def blended(
    primitives: list[Primitive],
    blend: float,
    *,
    roughness: float = 0.0,
    rng: Rng,
    steps: int = 52,
    half: float = 1.5,
) -> Mesh:
    """Melt primitives into one mesh, within [-half, half] along each axis.

    Args:
        primitives: what to melt.
        blend: width of the seams.
        roughness: height of lumps on the surface.
        rng: source of the lumps.
        steps: grid points along each axis.
        half: half of the cube's side.
    """
    axis = np.linspace(-half, half, steps, dtype=np.float32)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    field = field_of(primitives, points, blend)
    if roughness:
        scale, shift = rng.uniform(0.1, 0.35), rng.uniform(0, 64, 3)
        field = field + roughness * noise(points, SMOOTH, scale=scale, shift=shift)
    volume = np.pad(field.reshape((steps,) * 3), 1, constant_values=0.3)
    step = float(axis[1] - axis[0])
    positions, faces, _, _ = marching_cubes(volume, 0, spacing=(step,) * 3)
    positions = positions - half - step
    normals = smooth_normals(positions, faces)
    if (normals * positions).sum() < 0:
        faces, normals = faces[:, ::-1], -normals
    return mesh_of(positions, faces, normals)


def roughened(rng: Rng, mesh: Mesh, depth: float | None = None) -> Mesh:
    """Push vertices in and out along their normals by noise.

    Args:
        rng: source of the noise.
        mesh: a fine mesh.
        depth: deviation relative to half the size of the mesh; drawn where it is None.
    """
    depth = (
        float(rng.choice([0, 0.008, 0.02, 0.04], p=[0.3, 0.3, 0.25, 0.15]))
        if depth is None
        else depth
    )
    if depth == 0:
        return mesh
    radius = float(np.ptp(mesh.positions, axis=0).max()) / 2
    place = mesh.positions @ random_turn(rng) / radius
    slope = rng.choice([ROUGH, UNEVEN, SMOOTH])
    height = noise(place, slope, scale=rng.uniform(0.3, 1.2), shift=rng.uniform(0, 64, 3))
    if rng.random() < 0.3:
        height = -np.abs(height)
    shift = depth * radius * np.clip(height, -2.5, 2.5)
    return mesh_of(mesh.positions + mesh.normals * shift[:, None], mesh.faces)


def lump(rng: Rng) -> Mesh:
    """Melt a few primitives: a figurine, a toy, a root, a cushion."""
    primitives = [Primitive("ellipsoid", np.zeros(3), rng.uniform(0.4, 0.8, 3), np.eye(3))]
    for _ in range(rng.integers(1, 9)):
        kind: Literal["ellipsoid", "block", "capsule"] = "ellipsoid"
        radii = rng.uniform(0.12, 0.5, 3)
        pick = rng.random()
        if pick < 0.3:
            kind, radii[0], radii[2] = "capsule", rng.uniform(0.08, 0.25), rng.uniform(0.2, 0.6)
        elif pick < 0.45:
            kind = "block"
        center = unit(rng.normal(size=3)) * rng.uniform(0.3, 0.85)
        primitives.append(Primitive(kind, center, radii, random_turn(rng)))
    roughness = float(rng.choice([0, 0.02, 0.05]))
    return roughened(rng, blended(primitives, rng.uniform(0.03, 0.3), roughness=roughness, rng=rng))


def boulder(rng: Rng) -> Mesh:
    """Ripple a sphere and cut it along planes: a stone, a fruit, a loaf."""
    positions, faces = icosphere(5)
    wave = ripples(rng, positions, rng.uniform(0.8, 2.5), int(rng.integers(1, 5)))
    positions = positions * (1 + rng.uniform(0.05, 0.3) * wave)[:, None]
    for _ in range(rng.integers(0, 7)):
        normal, depth = unit(rng.normal(size=3)), rng.uniform(0.5, 0.9)
        positions = positions - 0.95 * np.maximum(positions @ normal - depth, 0)[:, None] * normal
    positions = (positions * rng.uniform(0.55, 1, 3)) @ random_turn(rng)
    return roughened(rng, mesh_of(positions, faces))


def superquadric(rng: Rng) -> Mesh:
    """Round a box or pinch a sphere."""
    positions, faces = icosphere(5)
    positions = np.sign(positions) * np.abs(positions) ** rng.uniform(0.35, 1.6, 3)
    power = 2 / rng.uniform(0.3, 1.4)
    length = (np.abs(positions) ** power).sum(axis=1) ** (1 / power)
    positions = positions / length[:, None] * rng.uniform(0.4, 1, 3)
    if rng.random() < 0.6:
        positions = positions @ random_turn(rng)
    return roughened(rng, mesh_of(positions, faces))


def ball(rng: Rng) -> Mesh:
    """Make a sphere."""
    positions, faces = icosphere(5)
    return mesh_of(positions, faces, positions)


def block(rng: Rng) -> Mesh:
    """Make a box with rounded edges: a parcel, a book, a brick."""
    width, depth, height = (float(x) for x in rng.uniform(0.4, 1.6, 3))
    wobble = float(rng.choice([0, 0.02]))
    return box((width, depth, height), rng, bevel_m=rng.uniform(0.01, 0.12), wobble_m=wobble)
