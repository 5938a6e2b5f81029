"""Solid shapes with rounded edges and irregular faces, standing on z = 0 at the origin."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np

from model_export.scenes.description import FloatArray, IntArray, Mesh


def unit(vectors: FloatArray) -> FloatArray:
    """Scale vectors (..., 3) to length 1."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12))


def merged(meshes: list[Mesh]) -> Mesh:
    """Join meshes into one."""
    offsets = np.cumsum([0] + [len(mesh.positions) for mesh in meshes[:-1]])
    return Mesh(
        positions=np.concatenate([mesh.positions for mesh in meshes]),
        normals=np.concatenate([mesh.normals for mesh in meshes]),
        uvs=np.concatenate([mesh.uvs for mesh in meshes]),
        faces=np.concatenate([m.faces + k for m, k in zip(meshes, offsets, strict=True)]),
    )


def rotation(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> FloatArray:
    """Return the (3, 3) matrix that rolls about x, then pitches about y, then yaws about z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos([roll, pitch, yaw]), np.sin([roll, pitch, yaw])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def placed(
    mesh: Mesh,
    at: tuple[float, float, float] | FloatArray = (0.0, 0.0, 0.0),
    *,
    yaw: float = 0.0,
    pitch: float = 0.0,
    roll: float = 0.0,
) -> Mesh:
    """Turn a mesh about the origin, then move it to `at`."""
    turn = rotation(yaw, pitch, roll).T
    return Mesh(mesh.positions @ turn + np.asarray(at), mesh.normals @ turn, mesh.uvs, mesh.faces)


def scaled(mesh: Mesh, factor: float) -> Mesh:
    """Make a mesh larger or smaller about the origin; its texture keeps its size."""
    return replace(mesh, positions=mesh.positions * factor)


def copies(mesh: Mesh, at: FloatArray, turns: FloatArray, sizes: FloatArray) -> Mesh:
    """Set down one mesh many times at once.

    Args:
        mesh: the template.
        at: (k, 3) places.
        turns: (k, 3, 3) rotation matrices.
        sizes: (k,) scale factors.
    """
    count, num_vertices = len(at), len(mesh.positions)
    turned = np.einsum("vi,kji->kvj", mesh.positions, turns) * sizes[:, None, None]
    shift = np.arange(count)[:, None, None] * num_vertices
    uvs = np.broadcast_to(mesh.uvs, (count, num_vertices, 2)) + at[:, None, :2] * 7.3
    return Mesh(
        positions=(turned + at[:, None]).reshape(-1, 3),
        normals=np.einsum("vi,kji->kvj", mesh.normals, turns).reshape(-1, 3),
        uvs=uvs.reshape(-1, 2),
        faces=(mesh.faces + shift).reshape(-1, 3),
    )


def smooth_normals(positions: FloatArray, faces: IntArray) -> FloatArray:
    """Average the normals of the faces around each vertex, weighted by area."""
    corner = positions[faces]
    face_normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normals = np.zeros_like(positions)
    for k in range(3):
        np.add.at(normals, faces[:, k], face_normal)
    return unit(normals)


def split_faces(faces: IntArray, num_vertices: int) -> tuple[IntArray, IntArray]:
    """Split each triangle in four at the middles of its edges.

    Args:
        faces: (m, 3).
        num_vertices: that the mesh has; the middles are numbered after them.

    Returns:
        The ends (e, 2) of the edge whose middle each new vertex is, and the faces (4m, 3).
    """
    sides = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, of_side = np.unique(sides, axis=0, return_inverse=True)
    (a, b, c), (ab, bc, ca) = faces.T, of_side.reshape(-1, 3).T + num_vertices
    corners = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    return edges, np.concatenate([np.stack(each, axis=1) for each in corners])


def unwelded(positions: FloatArray, faces: IntArray, *, crisp: bool = False) -> Mesh:
    """Give every triangle its own vertices and texture it from its nearest axis.

    Args:
        positions: (n, 3).
        faces: (m, 3).
        crisp: flat faces instead of a smooth surface.
    """
    corner = positions[faces]  # (m, 3, 3)
    face_normal = unit(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]))
    normals = smooth_normals(positions, faces)[faces]
    if crisp:
        normals = np.repeat(face_normal[:, None], 3, axis=1)
    uv_axes = np.array([[1, 2], [0, 2], [0, 1]])[np.abs(face_normal).argmax(axis=1)]
    uvs = np.take_along_axis(corner, uv_axes[:, None].repeat(3, axis=1), axis=2)
    indices = np.arange(3 * len(faces)).reshape(-1, 3)
    return Mesh(corner.reshape(-1, 3), normals.reshape(-1, 3), uvs.reshape(-1, 2), indices)


def grid_faces(num_rows: int, num_columns: int) -> IntArray:
    """Triangles of a grid whose vertices are numbered row by row."""
    index = np.arange(num_rows * num_columns).reshape(num_rows, num_columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    return np.concatenate(
        [np.stack([a, b, c], axis=-1).reshape(-1, 3), np.stack([a, c, d], axis=-1).reshape(-1, 3)]
    )


def facing_normals(mesh: Mesh) -> IntArray:
    """Wind the triangles so that their geometric normals agree with the vertex normals."""
    corner = mesh.positions[mesh.faces]
    face_normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    wrong = (face_normal * mesh.normals[mesh.faces].sum(axis=1)).sum(axis=1) < 0
    return np.where(wrong[:, None], mesh.faces[:, ::-1], mesh.faces)


def sheet(points: FloatArray, uvs: FloatArray | None = None) -> Mesh:
    """Turn a grid of points (rows, columns, 3) into a smooth surface."""
    rows, columns = points.shape[:2]
    positions, faces = points.reshape(-1, 3), grid_faces(rows, columns)
    if uvs is None:
        across = np.linalg.norm(np.diff(points, axis=1, prepend=points[:, :1]), axis=2)
        along = np.linalg.norm(np.diff(points, axis=0, prepend=points[:1]), axis=2)
        uvs = np.stack([across.cumsum(axis=1), along.cumsum(axis=0)], axis=-1)
    return Mesh(positions, smooth_normals(positions, faces), uvs.reshape(-1, 2), faces)


@cache
def _box_topology() -> tuple[IntArray, IntArray]:
    """Axes and signs (24, 4) of a chamfered box's vertices, and its triangles (44, 3)."""
    vertices = [
        (axis, *sign) for axis in range(3) for sign in product((-1, 1), repeat=3)
    ]  # every corner of the box appears once for each of the three faces that meet there
    number = {vertex: k for k, vertex in enumerate(vertices)}
    faces: list[tuple[int, int, int]] = []
    for axis, side in product(range(3), (-1, 1)):
        b, c = (axis + 1) % 3, (axis + 2) % 3
        quad = []
        for sb, sc in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            sign = {axis: side, b: sb, c: sc}
            quad.append(number[axis, sign[0], sign[1], sign[2]])
        faces += [(quad[0], quad[1], quad[2]), (quad[0], quad[2], quad[3])]
    for axis, sb, sc in product(range(3), (-1, 1), (-1, 1)):  # edges run along `axis`
        b, c = (axis + 1) % 3, (axis + 2) % 3
        low, high = {axis: -1, b: sb, c: sc}, {axis: 1, b: sb, c: sc}
        p, q = number[b, low[0], low[1], low[2]], number[b, high[0], high[1], high[2]]
        r, s = number[c, high[0], high[1], high[2]], number[c, low[0], low[1], low[2]]
        faces += [(p, q, r), (p, r, s)]
    for x, y, z in product((-1, 1), repeat=3):
        faces.append((number[0, x, y, z], number[1, x, y, z], number[2, x, y, z]))
    return np.array(vertices), np.array(faces)


def box(
    size: tuple[float, float, float],
    rng: np.random.Generator | None = None,
    *,
    bevel_m: float = 0.02,
    wobble_m: float = 0.0,
    taper: float = 0.0,
    upright: bool = False,
) -> Mesh:
    """Make a box with rounded edges.

    Args:
        size: width, depth and height in metres.
        rng: moves the corners and the texture, so that no two boxes are alike.
        bevel_m: width of the rounded edges.
        wobble_m: standard deviation of each corner's displacement.
        taper: share of width and depth that is lost at the top.
        upright: let the texture's v run up, as masonry wants, not along the longest side, as
            the grain of wood does.
    """
    vertices, faces = _box_topology()
    axes, signs = vertices[:, 0], vertices[:, 1:].astype(float)
    half = np.asarray(size, dtype=float) / 2
    on_face = np.arange(3) == axes[:, None]
    inset = np.where(on_face, 0.0, np.minimum(bevel_m, 0.4 * half))
    positions = signs * (half - inset)
    positions[:, :2] *= 1 - taper * (positions[:, 2:] / half[2] + 1) / 2
    if rng is not None and wobble_m > 0:
        corner = ((signs + 1) / 2).astype(int)
        positions += rng.normal(0, wobble_m, (2, 2, 2, 3))[*corner.T]
    others = [(1, 2), (0, 2), (0, 1)]
    if not upright:
        others = [(b, a) if half[a] > half[b] else (a, b) for a, b in others]
    uvs = np.take_along_axis(positions, np.array(others)[axes], axis=1)
    if rng is not None:
        uvs = uvs + rng.random(2) * 5
    return Mesh(positions + np.array([0, 0, half[2]]), signs * on_face, uvs, faces)


def lathe(profile: FloatArray, num_sides: int = 24, *, folds: FloatArray | None = None) -> Mesh:
    """Turn a profile about the z axis.

    Args:
        profile: (k, 2) radius and height; give a point twice to make a crisp edge there.
        num_sides: sides around the axis.
        folds: (k, num_sides + 1) factors on the radius, the last column equal to the first.
    """
    profile = np.asarray(profile, dtype=float)
    angle = np.linspace(0, 2 * np.pi, num_sides + 1)
    radius = profile[:, :1] * (1 if folds is None else folds)
    height = np.broadcast_to(profile[:, 1:], (len(profile), num_sides + 1))
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=-1)
    length = np.r_[0, np.cumsum(np.hypot(*np.diff(profile, axis=0).T))]
    u = np.broadcast_to(angle * max(float(profile[:, 0].max()), 0.05), height.shape)
    return _seamless(
        sheet(points, np.stack([u, np.repeat(length[:, None], len(angle), 1)], -1)), points
    )


def _seamless(mesh: Mesh, points: FloatArray) -> Mesh:
    """Share the normals of the first and the last column, which lie at the same place."""
    normals = mesh.normals.reshape(points.shape).copy()
    normals[:, 0] = normals[:, -1] = unit(normals[:, 0] + normals[:, -1])
    return Mesh(mesh.positions, normals.reshape(-1, 3), mesh.uvs, mesh.faces)


def tube(path: FloatArray, radii: FloatArray | float, num_sides: int = 10) -> Mesh:
    """Sweep a circle along a path, with closed ends: branches, logs, ropes, pipes, limbs.

    Args:
        path: (k, 3) centre line.
        radii: (k,) or one radius.
        num_sides: sides of the circle.
    """
    path = np.asarray(path, dtype=float)
    radii = np.broadcast_to(np.asarray(radii, dtype=float), len(path))
    tangent = unit(np.gradient(path, axis=0))
    side = np.zeros_like(path)
    start = np.eye(3)[np.abs(tangent[0]).argmin()]
    for k, direction in enumerate(tangent):  # carry the frame along without twist
        start = unit(start - direction * (start @ direction))
        side[k] = start
    angle = np.linspace(0, 2 * np.pi, num_sides + 1)[:, None]
    other = np.cross(tangent, side)
    ring = np.cos(angle) * side[:, None] + np.sin(angle) * other[:, None]
    points = path[:, None] + radii[:, None, None] * ring
    ends = [np.broadcast_to(path[k], points[0].shape) for k in (0, -1)]
    points = np.stack([ends[0], points[0], *points, points[-1], ends[1]])
    return _seamless(sheet(points), points)
