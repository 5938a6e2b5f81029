"""Solid textures: albedo as a function of the place in a body's own frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Rng, Texture, random_turn
from model_export.scenes.everyday.colors import any_color
from model_export.scenes.everyday.volumes import CLOUDY, GRITTY, ROUGH, SLOPES, SMOOTH, noise

LOWEST, HIGHEST = 0.01, 0.95
# Points (n, 3) -> share (n,) of the second colour, in [0, 1].
Pattern: TypeAlias = Callable[[FloatArray], FloatArray]


def _steep(x: FloatArray, steepness: float) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(steepness * x, -30, 30))))


def _plain(rng: Rng) -> Pattern:
    return lambda p: np.zeros(len(p))


def _clouds(rng: Rng) -> Pattern:
    slope, scale, shift = rng.choice(SLOPES[1:]), rng.uniform(0.08, 0.6), rng.uniform(0, 64, 3)
    return lambda p: np.clip(0.5 + 0.4 * noise(p, slope, scale=scale, shift=shift), 0, 1)


def _stripes(rng: Rng) -> Pattern:
    steepness, rate, bend = rng.choice([3, 20]), rng.uniform(6, 40), rng.choice([0, 0.6, 2])
    shift = rng.uniform(0, 64, 3)
    return lambda p: _steep(
        np.sin(p[:, 0] * rate + bend * noise(p, SMOOTH, scale=0.2, shift=shift)), steepness
    )


def _spots(rng: Rng) -> Pattern:
    steepness, level, slope = rng.uniform(6, 40), rng.uniform(-0.3, 1.2), rng.choice(SLOPES[2:])
    scale, shift = rng.uniform(0.08, 0.6), rng.uniform(0, 64, 3)
    return lambda p: _steep(noise(p, slope, scale=scale, shift=shift) - level, steepness)


def _cells(rng: Rng) -> Pattern:
    tones, rate, shift = rng.random((16, 16, 16)), rng.uniform(2, 8), rng.uniform(0, 64, 3)
    checked = rng.random() < 0.4

    def pattern(p: FloatArray) -> FloatArray:
        bend = 0.1 * noise(p, SMOOTH, scale=0.2, shift=shift)[:, None]
        cell = np.floor(p * rate + bend).astype(int)
        return np.asarray(cell.sum(axis=1) % 2.0 if checked else tones[tuple(cell.T % 16)])

    return pattern


def _gradient(rng: Rng) -> Pattern:
    return lambda p: np.clip(0.5 + 0.5 * p[:, 2], 0, 1)


def _grit(rng: Rng) -> Pattern:
    slope, scale = rng.choice([GRITTY, ROUGH]), rng.uniform(0.16, 1.2)
    contrast, shift = rng.uniform(0.1, 0.4), rng.uniform(0, 64, 3)
    return lambda p: np.clip(0.5 + contrast * noise(p, slope, scale=scale, shift=shift), 0, 1)


_PATTERNS: Mapping[Callable[[Rng], Pattern], float] = MappingProxyType(
    {
        _plain: 0.3,
        _clouds: 0.18,
        _stripes: 0.1,
        _spots: 0.1,
        _cells: 0.1,
        _gradient: 0.06,
        _grit: 0.16,
    }
)


def even(color: FloatArray) -> Texture:
    """The same colour (3,) everywhere."""
    return lambda points, uvs: np.broadcast_to(color, points.shape)


def plain(rng: Rng, color: FloatArray, *, mottle: float | None = None) -> Texture:
    """One colour with faint, fine unevenness.

    Args:
        rng: source of the unevenness.
        color: (3,) albedo.
        mottle: deviation of the log albedo; drawn from 0 to 0.12 where it is None.
    """
    mottle = float(rng.uniform(0, 0.12)) if mottle is None else mottle
    slope, shift = rng.choice(SLOPES[:3]), rng.uniform(0, 64, 3)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        factor = np.exp(mottle * noise(points, slope, scale=0.6, shift=shift))
        return np.asarray(np.clip(factor[:, None] * color, LOWEST, HIGHEST))

    return texture


def mixture(rng: Rng, first: FloatArray, second: FloatArray, *, scale: float = 0.3) -> Texture:
    """Two colours mixed by clouds: earth, meadows, fur, hair, stone."""
    shift, slope = rng.uniform(0, 64, 3), rng.choice(SLOPES[1:4])

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        share = np.clip(0.5 + 0.4 * noise(points, slope, scale=scale, shift=shift), 0, 1)[:, None]
        return np.asarray(np.clip(first + (second - first) * share, LOWEST, HIGHEST))

    return texture


def patterned(
    rng: Rng, colors: tuple[FloatArray, FloatArray] | None = None, *, size: float = 1.0
) -> Texture:
    """Draw a texture of any kind: plain, cloudy, striped, spotted, tiled, fading or gritty.

    Args:
        rng: source of chance.
        colors: the two colours of the pattern; any where it is None.
        size: stretches the pattern, for bodies larger than 1.
    """
    makers = list(_PATTERNS)
    weights = np.array(list(_PATTERNS.values()))
    pattern = makers[rng.choice(len(makers), p=weights / weights.sum())](rng)
    first, second = (any_color(rng), any_color(rng)) if colors is None else colors
    frame = random_turn(rng) * rng.lognormal(0, 0.35, 3) / size
    dirt = rng.uniform(0.03, 0.2) if rng.random() < 0.6 else 0.0
    slope, shift = rng.choice([GRITTY, ROUGH, CLOUDY]), rng.uniform(0, 64, 3)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        place = points @ frame
        albedo = first + (second - first) * pattern(place)[:, None]
        if dirt:
            albedo = albedo * np.exp(dirt * noise(place, slope, scale=0.7, shift=shift))[:, None]
        return np.clip(albedo, LOWEST, HIGHEST)

    return texture
