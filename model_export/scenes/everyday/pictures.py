"""Flat pictures: paintings, posters, photos, screens, labels. They show forms but have none."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.everyday import skies
from model_export.scenes.everyday.bodies import (
    Body,
    Composition,
    Context,
    Rng,
    Texture,
    Thing,
    moved,
    turned_flat,
)
from model_export.scenes.everyday.cameras import looking_at
from model_export.scenes.everyday.colors import any_color
from model_export.scenes.everyday.prints import masonry, page
from model_export.scenes.everyday.textures import HIGHEST, LOWEST, plain
from model_export.scenes.everyday.things import shape
from model_export.scenes.everyday.walls import wall
from model_export.scenes.shapes import box, placed

SIZE_PX = 96


def painted(rng: Rng) -> FloatArray:
    """Paint a picture (96, 96, 3) of shaded balls, bands and lines of text, scene-linear."""
    y, x = np.mgrid[1 : -1 : SIZE_PX * 1j, -1 : 1 : SIZE_PX * 1j]
    fade = np.clip(0.5 + 0.5 * (rng.normal() * x + rng.normal() * y), 0, 1)[..., None]
    picture = any_color(rng) * fade + any_color(rng) * (1 - fade)
    light = rng.normal(size=3)
    light = np.abs(light / np.linalg.norm(light)) * [rng.choice([-1, 1]), 1, 1]
    for _ in range(rng.integers(1, 9)):
        size, at = rng.uniform(0.1, 0.6, 2), rng.uniform(-0.9, 0.9, 2)
        u, v = (x - at[0]) / size[0], (y - at[1]) / size[1]
        depth = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
        shade = np.clip(u * light[0] + v * light[1] + depth * light[2], 0.08, 1)
        inside = (u**2 + v**2 < 1) if rng.random() < 0.7 else (np.maximum(abs(u), abs(v)) < 1)
        picture = np.where(inside[..., None], any_color(rng) * shade[..., None] * 1.6, picture)
    if rng.random() < 0.4:
        row, column = np.mgrid[:SIZE_PX, :SIZE_PX]
        letters = rng.random((SIZE_PX, SIZE_PX)) < 0.6
        here = (row % 8 < 4) & letters[row // 8, column // 2] & (row > rng.integers(SIZE_PX))
        picture = np.where(here[..., None], any_color(rng) * 0.3, picture)
    return np.asarray(np.clip(picture, LOWEST, HIGHEST))


def printed(picture: FloatArray, size: tuple[float, float]) -> Texture:
    """Print a picture on x and z of a body that is centred at the origin.

    Args:
        picture: (h, w, 3) albedo.
        size: width and height of the print; colours at its edge go on outside.
    """
    height, width = picture.shape[:2]

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        column = np.clip((points[:, 0] / size[0] + 0.5) * width - 0.5, 0, width - 1.001)
        row = np.clip((0.5 - points[:, 2] / size[1]) * height - 0.5, 0, height - 1.001)
        i, j = row.astype(int), column.astype(int)
        v, u = (row - i)[:, None], (column - j)[:, None]
        upper = picture[i, j] * (1 - u) + picture[i, j + 1] * u
        lower = picture[i + 1, j] * (1 - u) + picture[i + 1, j + 1] * u
        return np.asarray(np.clip(upper * (1 - v) + lower * v, LOWEST, HIGHEST))

    return texture


def _board(width: float, depth: float, height: float, bevel: float = 0.003) -> Mesh:
    return placed(box((width, depth, height), bevel_m=bevel), (0, 0, -height / 2))


def framed(rng: Rng, picture: FloatArray, width: float) -> Thing:
    """Hang up a picture that faces -y, centred, with its front at y = 0; at times in a frame."""
    height = width * rng.uniform(0.6, 1.5)
    gloss = float(rng.choice([0.0, 0.05, 0.3]))
    front = _board(width, 0.02, height)
    bodies = [Body(front, printed(picture, (width, height)), gloss, 120.0)]
    edge = float(rng.choice([0.0, 0.03, 0.08])) * width
    if edge:
        texture = plain(rng, any_color(rng))
        for sign in (-1, 1):
            side = _board(edge, 0.06, height + 2 * edge, 0.2 * edge)
            bar = _board(width, 0.06, edge, 0.2 * edge)
            bodies += moved([Body(side, texture, 0.1)], (sign * (width + edge) / 2, 0, 0))
            bodies += moved([Body(bar, texture, 0.1)], (0, 0, sign * (height + edge) / 2))
    return bodies


def screen(rng: Rng, picture: FloatArray, width: float) -> Thing:
    """A screen that shines by itself, facing -y, in a dark case."""
    height, level = width * rng.uniform(0.55, 0.7), rng.uniform(0.3, 1.5)
    shown = printed(picture, (width, height))
    face = Body(
        _board(width, 0.02, height),
        plain(rng, np.full(3, 0.02)),
        relightable=0.0,
        glow=lambda points, uvs: level * shown(points, uvs),
    )
    case = Body(_board(width * 1.06, 0.02, height * 1.1), plain(rng, np.full(3, 0.03)), 0.2)
    return [face, *moved([case], (0, 0.012, 0))]


def _shown(rng: Rng, context: Context) -> FloatArray:
    """A picture of another scene, a printed page or a flat pattern."""
    kind = rng.choice(3, p=[0.4, 0.25, 0.35])
    return context.painting(rng) if kind == 0 else (page, masonry)[kind - 1](rng)


def flat(rng: Rng, context: Context) -> Composition:
    """A picture or print that fills the view, or pictures on a wall, at times a thing before."""
    fills = rng.random() < 0.6
    width = 2.4 if fills else rng.uniform(0.8, 1.8)
    bodies = framed(rng, _shown(rng, context), width)
    bodies += wall(rng, 20, (0, rng.uniform(0.03, 0.1), 0)) if rng.random() < 0.9 else []
    if not fills and rng.random() < 0.5:
        side = rng.choice([-1, 1]) * rng.uniform(1.6, 2.4)
        bodies += moved(
            framed(rng, painted(rng), rng.uniform(0.6, 1.2)), (side, 0, rng.normal(0, 0.3))
        )
    if rng.random() < 0.3:
        size = rng.uniform(0.2, 0.5)
        bodies += moved(
            shape(rng), (rng.normal(0, 0.8), -size - 0.2, rng.normal(-0.5, 0.3)), size=size
        )
    if rng.random() < 0.15:
        bodies = screen(rng, context.painting(rng), width)
    reach = rng.uniform(0.7, 1.2)
    yaw = rng.normal(0, 0.3) if rng.random() < 0.7 else 0.0
    lies = rng.random() < 0.2
    if lies:
        bodies = moved(bodies, turn=turned_flat(0.0).T)
    pitch = rng.uniform(0.5, 1.4) if lies else rng.normal(0, 0.15)
    return Composition(
        layout="flat",
        bodies=bodies,
        camera=looking_at(rng, (0, 0, 0), reach=reach, pitch=float(pitch), yaw=float(yaw)),
        reach=reach,
        grounded=False,
        low_sun=False,
        sky=skies.any_background(rng),
    )
