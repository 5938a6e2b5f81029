"""What is seen where nothing stands: skies, blurred distance, plain backgrounds, darkness."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Rng, Sky
from model_export.scenes.everyday.colors import any_color, color_of
from model_export.scenes.everyday.volumes import CLOUDY, SMOOTH, UNEVEN, noise
from model_export.scenes.noise import smoothstep
from model_export.scenes.shapes import unit


def darkness(rng: Rng) -> Sky:
    """Black: a studio with the lights off."""
    return lambda directions: np.zeros((len(directions), 3))


def plain_background(rng: Rng) -> Sky:
    """A colour that fades across the picture: a sweep of paper far behind."""
    color = any_color(rng) * rng.uniform(0.1, 1.5) + rng.choice([0, 0.02, 0.6])
    slope = rng.normal(0, 0.5, 3)
    return lambda directions: color * np.exp(directions @ slope)[:, None]


def bright_background(rng: Rng) -> Sky:
    """White or nearly so, as behind things for sale; a little darker to the edges."""
    color = rng.uniform(0.7, 1.6) * (1 + rng.normal(0, 0.03, 3))
    slope = rng.normal(0, 0.15, 3)
    return lambda directions: color * np.exp(directions @ slope)[:, None]


def blurred_background(rng: Rng) -> Sky:
    """What lies far out of focus: soft patches of a few colours, at times spots of light."""
    level = rng.uniform(0.1, 1.0)
    leafy = rng.random() < 0.4
    colors = np.stack([color_of(rng, "leaf") if leafy else any_color(rng) for _ in range(3)])
    shift, scale = rng.uniform(0, 64, 3), rng.uniform(0.15, 0.5)
    spots = unit(rng.normal(size=(int(rng.choice([0, 0, 25])), 3)) * [0.5, 0.1, 0.4] + [0, 1, 0])
    size, bright = rng.uniform(0.01, 0.04), rng.uniform(0.5, 3)

    def sky(directions: FloatArray) -> FloatArray:
        first = np.clip(0.5 + 0.4 * noise(directions, CLOUDY, scale=scale, shift=shift), 0, 1)
        second = np.clip(0.5 + 0.4 * noise(directions, SMOOTH, scale=scale, shift=-shift), 0, 1)
        radiance = colors[0] + (colors[1] - colors[0]) * first[:, None]
        radiance = level * (radiance + (colors[2] - radiance) * second[:, None])
        for k, spot in enumerate(spots):
            away = np.linalg.norm(directions - spot, axis=1)
            radiance = (
                radiance + bright * colors[k % 3] * smoothstep(-away, -size, -0.9 * size)[:, None]
            )
        return np.asarray(radiance)

    return sky


_HIGH = {"clear": (0.16, 0.30, 0.62), "grey": (0.55, 0.58, 0.62), "evening": (0.22, 0.26, 0.45)}
_LOW = {"clear": (0.62, 0.74, 0.86), "grey": (0.72, 0.73, 0.74), "evening": (0.95, 0.55, 0.30)}


def open_sky(rng: Rng) -> Sky:
    """A sky by day or in the evening: a gradient, clouds, at times the glow of the sun."""
    kind = str(rng.choice(list(_HIGH), p=[0.6, 0.22, 0.18]))
    level = rng.uniform(0.5, 1.6)
    high, low = level * np.array(_HIGH[kind]), level * np.array(_LOW[kind])
    fall, shift = rng.uniform(2, 8), rng.uniform(0, 64, 3)
    amount, scale = rng.uniform(-1.6, 1.2), rng.uniform(0.02, 0.06)
    ragged = UNEVEN if rng.random() < 0.5 else SMOOTH
    white = level * rng.uniform(0.8, 1.3) * (0.8 + 0.2 * np.array(_LOW[kind]))
    sun = unit(np.array([rng.normal(0, 0.6), 1.0, rng.uniform(0.0, 0.5)]))
    glow = rng.uniform(0.2, 1.5) * (rng.random() < 0.35)
    warm = glow * (np.array([1.0, 0.8, 0.5]) if kind == "evening" else np.ones(3))

    def sky(directions: FloatArray) -> FloatArray:
        up = np.maximum(directions[:, 2], 0)
        radiance = high + (low - high) * np.exp(-fall * up)[:, None]
        plane = directions / (up[:, None] + 0.12)
        plane = np.stack([plane[:, 0], plane[:, 1], 0 * up], axis=1)
        thick = noise(plane, ragged, scale=scale, shift=shift) + amount
        cover = smoothstep(thick, 0.0, 0.9)[:, None] * np.clip(up / 0.05, 0, 1)[:, None]
        shade = (1 - 0.35 * smoothstep(thick, 0.6, 2.2))[:, None]
        radiance = radiance + (white * shade - radiance) * cover
        near = np.exp(12 * (directions @ sun - 1))[:, None]
        return radiance + warm * near

    return sky


def night_sky(rng: Rng) -> Sky:
    """Nearly black, lighter above the horizon."""
    color = np.array([0.02, 0.03, 0.06]) * rng.uniform(0.1, 1.5)
    low = color + np.array([0.08, 0.05, 0.03]) * rng.uniform(0, 0.6)

    def sky(directions: FloatArray) -> FloatArray:
        return np.asarray(color + (low - color) * np.exp(-6 * np.maximum(directions[:, 2:], 0)))

    return sky


def any_background(rng: Rng) -> Sky:
    """What is behind a thing in a portrait."""
    kinds = (darkness, plain_background, bright_background, blurred_background, open_sky)
    return kinds[rng.choice(5, p=[0.2, 0.17, 0.15, 0.38, 0.1])](rng)
