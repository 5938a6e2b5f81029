"""What grows on a head and what is worn on it; same units and axes as `heads`."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday.bodies import Body, Rng, Texture, Thing, mesh_of, moved
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.heads import Head
from model_export.scenes.everyday.lumps import ellipsoid
from model_export.scenes.everyday.radial import rays, reached, skin_of
from model_export.scenes.everyday.textures import patterned, plain
from model_export.scenes.everyday.vessels import turned
from model_export.scenes.everyday.volumes import ROUGH, SMOOTH, UNEVEN, noise
from model_export.scenes.noise import smoothstep
from model_export.scenes.shapes import rotation, tube

# Angle from the front, radians, and the height of the hairline there: short hair.
_ANGLES = (0.0, 0.5, 0.85, 1.15, 1.5, 2.0, np.pi)
_HAIRLINE = (0.66, 0.6, 0.36, -0.05, 0.1, -0.45, -0.62)


def _around(points: FloatArray) -> FloatArray:
    """Angle (n,) around z, 0 at the front."""
    return np.asarray(np.arctan2(points[..., 0], -points[..., 1]))


def _combed(points: FloatArray, fineness: float, shift: FloatArray) -> FloatArray:
    """Noise (n,) that runs in strands down from the crown."""
    radius = np.linalg.norm(points, axis=1)
    polar = np.arccos(np.clip(points[:, 2] / np.maximum(radius, 1e-6), -1, 1))
    angle = _around(points) + 0.3 * polar
    place = np.stack([np.cos(angle), np.sin(angle), 0.12 * polar], axis=1)
    return noise(place, ROUGH, scale=fineness, shift=shift)


def strands(rng: Rng, color: FloatArray, shift: FloatArray, fineness: float) -> Texture:
    """Colour hair strand by strand."""
    contrast, tips = rng.uniform(0.15, 0.5), rng.uniform(0.8, 1.5)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        tone = np.exp(contrast * _combed(points, fineness, shift))[:, None]
        lighter = 1 + (tips - 1) * np.clip(0.5 - 0.5 * points[:, 2:], 0, 1)
        return np.asarray(np.clip(color * tone * lighter, 0.008, 0.95))

    return texture


def hair(rng: Rng, head: Head, color: FloatArray | None = None) -> Body:
    """Grow hair: short or long, thin or thick, straight or curly.

    Args:
        rng: source of chance.
        head: where it grows.
        color: (3,) albedo; drawn where it is None.
    """
    is_long, curl = rng.random() < 0.45, rng.random() < 0.3
    directions = rays(110, 170)
    distance = head.reach(directions)
    if is_long:
        fall = rng.uniform(0.9, 1.6)
        mass = [ellipsoid((0, 0.3, 0.5 - fall), (rng.uniform(0.62, 0.85), 0.55, fall + 0.3))]
        distance = np.maximum(distance, reached(mass, directions, start=2.8, blend=0.2))
    points = (directions * distance[..., None]).reshape(-1, 3)
    shift, fineness = rng.uniform(0, 64, 3), rng.uniform(0.25, 0.6)
    line = np.interp(np.abs(_around(points)), _ANGLES, _HAIRLINE) + rng.normal(0, 0.06)
    if is_long:
        line = np.where(np.abs(_around(points)) > rng.uniform(0.8, 1.25), -2.5, line)
    line = line + 0.05 * noise(points, UNEVEN, scale=0.4, shift=shift)
    parting = rng.uniform(0.0, 0.06) * np.exp(-(((points[:, 0] - 0.25) / 0.06) ** 2))
    thickness = rng.uniform(0.06, 0.3) * (1 + 0.5 * np.clip(points[:, 2], -1, 1))
    cover = smoothstep(points[:, 2] - line, 0.0, rng.uniform(0.06, 0.25))
    waves = 0.02 * noise(points, SMOOTH, scale=rng.uniform(0.2, 0.5), shift=shift)
    fine = 0.012 * _combed(points, fineness, shift)
    if curl:
        waves = rng.uniform(0.03, 0.07) * noise(points, UNEVEN, scale=0.35, shift=shift)
    height = -0.08 + cover * (0.1 + thickness + waves + fine - parting * (points[:, 2] > 0.5))
    grid = directions * (distance + height.reshape(distance.shape))[..., None]
    color = color_of(rng, "hair") if color is None else color
    texture = strands(rng, color, shift, fineness)
    return Body(skin_of(grid), texture, float(rng.uniform(0, 0.12)), float(rng.uniform(10, 40)))


def beard(rng: Rng, head: Head, color: FloatArray) -> Body:
    """Grow a beard of a colour (3,) on a head."""
    directions = rays(90, 130, front=0.5)
    distance = head.reach(directions)
    points = (directions * distance[..., None]).reshape(-1, 3)
    shift, length = rng.uniform(0, 64, 3), rng.uniform(0.08, 0.3)
    x, y, z = points.T
    cover = smoothstep(-0.3 - 0.35 * np.abs(x) - z, 0.0, 0.12) * smoothstep(z, -1.4, -1.1)
    mouth = np.exp(-((x / 0.2) ** 2) - ((z + 0.62) / 0.08) ** 2)
    cover = cover * (y < 0.15) * (1 - mouth)
    fine = 0.02 * _combed(points, 0.5, shift) + 0.02 * noise(points, UNEVEN, scale=0.4, shift=shift)
    height = -0.1 + cover * (0.1 + length * 0.6 + fine)
    grid = directions * (distance + height.reshape(distance.shape))[..., None]
    return Body(skin_of(grid), strands(rng, color, shift, 0.5))


def hat(rng: Rng) -> Thing:
    """Put on a cap, a woollen hat, a hat with a brim or a helmet."""
    kind = rng.integers(4)
    edge, high = rng.uniform(0.25, 0.5), rng.uniform(0.95, 1.3)
    angle = np.linspace(0, 2 * np.pi, 65)
    ribs = 1 + (0.02 if kind == 1 else 0.0) * np.cos(24 * angle)
    dome = np.linspace(0, np.pi / 2, 24)
    power = rng.uniform(0.35, 1.0)
    profile = np.column_stack([np.cos(dome) ** power, edge + (high - edge) * np.sin(dome)])
    if kind == 2:
        brim = rng.uniform(1.3, 1.9)
        rim = [(1.0, edge - 0.02), (brim, edge - 0.06), (brim, edge - 0.02), (1.02, edge + 0.02)]
        profile = np.concatenate([rim, profile])
    else:
        profile = np.concatenate([[(0.9, edge), (1.04, edge), (1.05, edge + 0.12)], profile])
    mesh = turned(profile, folds=ribs)
    mesh = mesh_of(mesh.positions * [0.8, 0.95, 1] + np.array([0, 0.08, 0]), mesh.faces)
    gloss = 0.5 if kind == 3 else 0.0
    texture = plain(rng, any_color(rng)) if rng.random() < 0.6 else patterned(rng)
    bodies: Thing = [Body(mesh, texture, gloss, 80.0)]
    if kind == 0:
        bodies.append(Body(_visor(edge), plain(rng, any_color(rng))))
    return moved(bodies, turn=rotation(0, 0, rng.uniform(-0.3, 0.1)))


def _visor(edge: float) -> Mesh:
    u, v = np.meshgrid(np.linspace(-1, 1, 24), np.linspace(0, 1, 8), indexing="ij")
    x = 0.75 * np.sin(u * 1.2)
    y = 0.08 - 0.93 * np.cos(u * 1.2) - 0.55 * v * np.cos(u * 1.3)
    z = edge + 0.03 - 0.12 * v - 0.12 * x**2
    top = np.stack([x, y, z], axis=-1)
    return skin_of(np.concatenate([top, top[:, ::-1] - [0, 0, 0.03]], axis=1))


def glasses(rng: Rng) -> Thing:
    """Put on glasses: two rims, a bridge, temples."""
    angle = np.linspace(0, 2 * np.pi, 33)
    wide, high, thick = rng.uniform(0.19, 0.26), rng.uniform(0.13, 0.22), rng.uniform(0.01, 0.03)
    texture = plain(rng, any_color(rng) * rng.choice([0.1, 1]))
    power = rng.uniform(0.5, 1)
    c, s = np.cos(angle), np.sin(angle)
    ring = np.column_stack(
        [wide * np.sign(c) * np.abs(c) ** power, 0 * c, high * np.sign(s) * np.abs(s) ** power]
    )
    parts = []
    for side in (-1, 1):
        at = np.array([side * 0.31, -0.9, 0.0])
        parts.append(tube(ring + at, thick, 8))
        x = side * (0.31 + wide)
        ends = np.array([[x, -0.9, 0.05], [side * 0.74, -0.6, 0.05], [side * 0.76, 0.1, 0]])
        parts.append(tube(ends, thick, 8))
    bridge = np.array([[-0.31 + wide, -0.9, 0.03], [0, -0.95, 0.06], [0.31 - wide, -0.9, 0.03]])
    parts.append(tube(bridge, thick, 8))
    return [Body(mesh, texture, 0.3, 60.0) for mesh in parts]
