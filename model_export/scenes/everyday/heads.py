"""Heads of people: a skull with a face, eyes, hair; in units of half a head's height.

The centre lies between the ears, the face looks to -y; the chin is at z = -1, the top at 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday.bodies import Body, Rng, Texture, Thing, mesh_of, moved
from model_export.scenes.everyday.colors import color_of
from model_export.scenes.everyday.lumps import Primitive, ellipsoid, limb
from model_export.scenes.everyday.radial import radial
from model_export.scenes.everyday.volumes import GRITTY, ROUGH, SMOOTH, noise
from model_export.scenes.stones import icosphere

_EYE = np.array([0.31, -0.65, 0.02])
_EYE_RADIUS = 0.16
_MOUTH_Z = -0.62
_LOWEST, _HIGHEST = 0.01, 0.95


@dataclass(frozen=True, slots=True)
class Face:
    """What makes one face differ from another.

    Attributes:
        scale: (3,) of the whole head.
        nose: (3,) factors on width, length and depth of the nose.
        jaw: factor on the width of the jaw.
        cheeks: factor on the size of the cheeks.
        lips: factor on the thickness of the lips.
        opening: half height of the open eye.
        wrinkles: depth of wrinkles.
    """

    scale: FloatArray
    nose: FloatArray
    jaw: float
    cheeks: float
    lips: float
    opening: float
    wrinkles: float

    @classmethod
    def drawn(cls, rng: Rng) -> Face:
        """Draw a face."""
        return cls(
            scale=rng.normal(1, 0.05, 3),
            nose=rng.uniform(0.8, 1.18, 3),
            jaw=rng.uniform(0.8, 1.2),
            cheeks=rng.uniform(0.7, 1.25),
            lips=rng.uniform(0.6, 1.5),
            opening=float(rng.choice([0.0, 0.045, 0.07])),
            wrinkles=float(rng.choice([0.0, 0.004, 0.012])),
        )


def _both(x: float, y: float, z: float, radii: tuple[float, float, float]) -> list[Primitive]:
    return [ellipsoid((side * x, y, z), radii) for side in (-1, 1)]


def _form(face: Face) -> list[Primitive]:
    wide, long, deep = face.nose
    tip = -0.98 - 0.1 * (deep - 1)
    form = [
        ellipsoid((0, 0.08, 0.3), (0.7, 0.86, 0.7)),
        ellipsoid((0, -0.25, -0.2), (0.57, 0.58, 0.6)),
        ellipsoid((0, -0.28, -0.62), (0.44 * face.jaw, 0.46, 0.34)),
        ellipsoid((0, -0.6, -0.86), (0.2 * face.jaw, 0.18, 0.14)),
        *_both(0.37, -0.52, -0.22, (0.2 * face.cheeks, 0.2, 0.22)),
        ellipsoid((0, -0.7, 0.22), (0.46, 0.12, 0.1)),
        limb((0, 0.12, -0.6), (0, 0.2, -2.2), 0.42),
    ]
    form += [
        Primitive("ellipsoid", center, np.array([0.2, 0.16, 0.12]), np.eye(3), 0.12, carves=True)
        for center in (_EYE * [1, 1.32, 1], _EYE * [-1, 1.32, 1])
    ]
    lid = (_EYE_RADIUS * 1.03,) * 3
    form += [ellipsoid(_EYE * [side, 1, 1], lid, blend=0.04) for side in (-1, 1)]
    nose_z = -0.36 * long
    form += [
        limb((0, -0.72, 0.12), (0, tip + 0.06, nose_z), 0.085 * wide, blend=0.12),
        ellipsoid((0, tip, nose_z), (0.12 * wide, 0.11, 0.1), blend=0.06),
        *(
            ellipsoid((s * 0.12 * wide, -0.86, nose_z - 0.03), (0.08, 0.1, 0.075), blend=0.05)
            for s in (-1, 1)
        ),
        ellipsoid((0, -0.79, _MOUTH_Z + 0.045), (0.23, 0.1, 0.05 * face.lips), blend=0.06),
        ellipsoid((0, -0.78, _MOUTH_Z - 0.06), (0.19, 0.1, 0.06 * face.lips), blend=0.05),
    ]
    for side in (-1, 1):
        turn = np.array([[0.35, side * 0.94, 0], [-side * 0.94, 0.35, 0], [0, 0, 1.0]])
        ear = Primitive(
            "ellipsoid",
            np.array([side * 0.7, 0.12, -0.06]),
            np.array([0.17, 0.09, 0.26]),
            turn,
            0.08,
        )
        form.append(ear)
    return form


def _bump(points: FloatArray, at: FloatArray, width: FloatArray) -> FloatArray:
    """Gaussian (n,) around a place in the plane of the face, on its front only."""
    away = (points[:, [0, 2]] - at) / width
    return np.asarray(np.exp(-(away**2).sum(axis=1)) * (points[:, 1] < -0.3))


def _details(face: Face, rng: Rng) -> Texture:
    """Openings of the eyes, the line of the mouth, nostrils, wrinkles: pushes (n,)."""
    shift = rng.uniform(0, 64, 3)

    def push(points: FloatArray, _: FloatArray) -> FloatArray:
        total = np.zeros(len(points))
        for side in (-1, 1):
            x, z = points[:, 0] - side * _EYE[0], points[:, 2] - _EYE[2]
            half = face.opening * (1 - (x / 0.15) ** 2)
            inside = np.clip((half - np.abs(z)) / 0.02, 0, 1) * (points[:, 1] < -0.3)
            total -= 0.05 * inside * (face.opening > 0)
            fold = np.exp(-(((z - half - 0.05) / 0.02) ** 2)) * (np.abs(x) < 0.15)
            total -= 0.012 * fold * (points[:, 1] < -0.3)
            at = np.array([side * 0.07 * face.nose[0], -0.36 * face.nose[1] - 0.09])
            total -= 0.05 * _bump(points, at, np.array([0.035, 0.03]))
            corner = np.array([side * 0.3, -0.5])
            total -= 0.02 * _bump(points, corner, np.array([0.05, 0.14]))
        smile = _MOUTH_Z - 0.01 + 0.3 * points[:, 0] ** 2
        line = np.exp(-(((points[:, 2] - smile) / 0.018) ** 2)) * (np.abs(points[:, 0]) < 0.24)
        total -= 0.035 * line * (points[:, 1] < -0.3)
        stretched = points * [0.5, 1, 1.6]
        creases = np.abs(noise(stretched, SMOOTH, scale=0.5, shift=shift))
        total -= face.wrinkles * creases
        return total + 0.002 * noise(points, ROUGH, scale=0.6, shift=shift)

    return push


def skin_texture(rng: Rng, color: FloatArray) -> Texture:
    """Skin with redder cheeks, lips and nose, darker brows, freckles."""
    shift, lip = rng.uniform(0, 64, 3), color * rng.uniform([0.7, 0.3, 0.3], [1.0, 0.7, 0.7])
    brow, flush = color_of(rng, "hair"), rng.uniform(0.0, 0.35)
    strength, stubble = rng.uniform(0.2, 0.95), rng.uniform(0, 0.35) * (rng.random() < 0.3)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        x, y, z = points.T
        front = y < -0.3
        tone = np.exp(0.06 * noise(points, ROUGH, scale=0.4, shift=shift))[:, None]
        albedo = color * tone
        red = sum(_bump(points, np.array(c), np.array(w)) for c, w in _FLUSHED)
        albedo = albedo * (1 - flush * np.asarray(red)[:, None] * np.array([0.1, 0.6, 0.6]))
        mouth = _bump(points, np.array([0, _MOUTH_Z - 0.01]), np.array([0.2, 0.1])) > 0.45
        albedo = np.where(mouth[:, None], lip * tone, albedo)
        arch = 0.27 + 0.08 * np.abs(x) - 0.5 * np.maximum(np.abs(x) - 0.36, 0)
        hairs = np.abs(z - arch) < 0.035 + 0.02 * noise(points * [3, 3, 0.5], GRITTY, shift=shift)
        brows = hairs & front & (np.abs(np.abs(x) - 0.31) < 0.2)
        albedo = np.where(brows[:, None], albedo + (brow - albedo) * strength, albedo)
        beard = stubble * np.clip((-0.42 - z) * 6, 0, 1) * (z > -1.05) * (y < 0.1)
        return np.asarray(np.clip(albedo * (1 - beard[:, None]), _LOWEST, _HIGHEST))

    return texture


_FLUSHED = (
    ((-0.38, -0.3), (0.2, 0.2)),
    ((0.38, -0.3), (0.2, 0.2)),
    ((0, -0.36), (0.14, 0.12)),
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


def _eyes(rng: Rng) -> Thing:
    iris = np.array([(0.06, 0.03, 0.015), (0.12, 0.2, 0.3), (0.1, 0.14, 0.06)])[rng.integers(3)]
    gaze = np.array([rng.normal(0, 0.2), -1.0, rng.normal(0, 0.1)])
    gaze /= np.linalg.norm(gaze)
    ball = eye(rng, iris, gaze, _EYE_RADIUS)
    return [body for side in (-1, 1) for body in moved([ball], _EYE * [side, 1, 1])]


def bare_head(rng: Rng, color: FloatArray | None = None) -> tuple[Thing, Face]:
    """Make a head without hair, with its neck, and how its face is made.

    Args:
        rng: source of chance.
        color: (3,) albedo of the skin; drawn where it is None.
    """
    face = Face.drawn(rng)
    details, none = _details(face, rng), np.zeros((0, 2))
    mesh = radial(
        _form(face),
        start=2.6,
        blend=0.14,
        num_rings=140,
        num_sides=150,
        front=0.55,
        relief=lambda points: details(points, none),
    )
    color = color_of(rng, "skin") if color is None else color
    gloss = float(rng.choice([0.0, 0.04, 0.12]))
    skin = Body(mesh, skin_texture(rng, color), gloss, float(rng.uniform(8, 30)))
    return [skin, *_eyes(rng)], face


def scaled_to(mesh: Mesh, scale: FloatArray) -> Mesh:
    """Stretch a mesh along the axes."""
    return mesh_of(mesh.positions * scale, mesh.faces)
