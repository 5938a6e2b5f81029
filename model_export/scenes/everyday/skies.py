"""What is seen where nothing stands: skies, plain backgrounds, darkness."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Rng, Sky
from model_export.scenes.everyday.colors import any_color


def darkness(rng: Rng) -> Sky:
    """Black: a studio with the lights off."""
    return lambda directions: np.zeros((len(directions), 3))


def plain_background(rng: Rng) -> Sky:
    """A colour that fades across the picture: a sweep of paper far behind."""
    color = any_color(rng) * rng.uniform(0.1, 1.5) + rng.choice([0, 0.02, 0.6])
    slope = rng.normal(0, 0.5, 3)
    return lambda directions: color * np.exp(directions @ slope)[:, None]


def open_sky(rng: Rng) -> Sky:
    """A clear sky, paler towards the horizon."""
    high = np.array([0.18, 0.32, 0.62]) * rng.uniform(0.4, 1.2)
    low = (high + rng.uniform(0.2, 0.8, 1)) * np.array([1.0, 1.0, 0.95]) * rng.uniform(0.5, 1.4)
    fall = rng.uniform(2, 8)

    def sky(directions: FloatArray) -> FloatArray:
        haze = np.exp(-fall * np.maximum(directions[:, 2], 0))[:, None]
        return np.asarray(high + (low - high) * haze)

    return sky
