"""Flat patterns without a light of their own: printed pages, brickwork, tiles. All (h, w, 3)."""

from __future__ import annotations

from typing import Final

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Rng
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.textures import HIGHEST, LOWEST

_SIZE_PX: Final = 192
_MARGIN_PX: Final = 10


def page(rng: Rng) -> FloatArray:
    """Print lines of words, headings, rules and pictures on paper."""
    paper = color_of(rng, "white") if rng.random() < 0.8 else any_color(rng)
    ink = np.minimum(any_color(rng) if rng.random() < 0.2 else color_of(rng, "grey"), 0.3 * paper)
    cover = np.zeros((_SIZE_PX, _SIZE_PX))
    pitch, row = int(rng.integers(4, 14)), _MARGIN_PX
    num_columns = int(rng.integers(1, 3))
    width = (_SIZE_PX - _MARGIN_PX) // num_columns - _MARGIN_PX
    while row < _SIZE_PX - _MARGIN_PX:
        for column in range(num_columns):
            _print_line(rng, cover, row, _MARGIN_PX + column * (width + _MARGIN_PX), width, pitch)
        row += pitch * (2 if rng.random() < 0.1 else 1)
    picture = paper + (ink - paper) * cover[..., None]
    for _ in range(rng.integers(0, 3)):
        top, left, height, across = rng.integers(8, 120, 4)
        picture[top : top + height, left : left + across] = any_color(rng)
    return np.asarray(np.clip(picture, LOWEST, HIGHEST))


def _print_line(  # noqa: PLR0917
    rng: Rng, cover: FloatArray, row: int, left: int, width: int, pitch: int
) -> None:
    """Print words of random lengths between gaps; grey, as letters at this size are."""
    height, x = max(1, int(pitch * 0.55)), left
    end = left + int(width * (rng.uniform(0.3, 1) if rng.random() < 0.15 else 1))
    while x < end:
        word = int(rng.integers(1, 7) * max(1, pitch // 3))
        tone = rng.uniform(0.5, 1, (height, min(word, end - x)))
        line = cover[row : row + height, x : min(x + word, end)]
        line[:] = tone[: line.shape[0], : line.shape[1]]
        x += word + max(1, pitch // 3)


def masonry(rng: Rng) -> FloatArray:
    """Lay bricks, slabs or tiles of differing tones with joints between them."""
    color = color_of(rng, str(rng.choice(["brick", "stone", "plaster", "wood", "white"])))
    tall, stretch = rng.integers(5, 40), rng.choice([1, 2, 3])
    bond, joint_px = rng.choice([0, 0.5]), rng.integers(0, 4)
    y, x = np.mgrid[:_SIZE_PX, :_SIZE_PX].astype(float)
    x, y = x + rng.normal(0, 0.6, x.shape), y + rng.normal(0, 0.6, y.shape)
    row = np.floor(y / tall).astype(int)
    along = x + bond * (row % 2) * tall * stretch
    column = np.floor(along / (tall * stretch)).astype(int)
    tones = np.exp(rng.uniform(0.05, 0.5) * rng.normal(size=(97, 89)))
    hues = 1 + rng.uniform(0, 0.15) * rng.normal(size=(97, 89, 3))
    picture = color * (tones[..., None] * hues)[row % 97, column % 89]
    picture = picture * np.exp(rng.uniform(0, 0.15) * rng.normal(size=(_SIZE_PX, _SIZE_PX, 1)))
    seam = (y % tall < joint_px) | (along % (tall * stretch) < joint_px)
    return np.clip(np.where(seam[..., None], color_of(rng, "stone"), picture), LOWEST, HIGHEST)
