"""Shadows of things outside the picture: window frames, leaves, a hand, the edge of a roof.

They change the light across a surface without any change of its form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from model_export.streaming.crops import Crop, Plane

_FLAT: Final = 0.97  # length of the mean normal above which a view counts as flat
_SHARE, _FLAT_SHARE = 0.08, 0.5  # of views that get such shadows

Rng = np.random.Generator


def outside_shadows(crop: Crop, rng: Rng) -> Plane:
    """Return a factor (s, s, 1), in (0, 1], for the light in a view; mostly 1."""
    size_px, covered = len(crop.normals), max(float(crop.coverage.sum()), 1.0)
    mean = (crop.normals * crop.coverage).sum((0, 1)) / covered
    share = _FLAT_SHARE if np.linalg.norm(mean) > _FLAT else _SHARE
    if rng.random() > share:
        return np.ones((size_px, size_px, 1), np.float32)
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))](size_px, rng)
    shade = rng.uniform(0.05, 0.8)
    return np.asarray((shade + (1 - shade) * pattern)[..., None], np.float32)


def _across(size_px: int, rng: Rng) -> Plane:
    """Return how far each pixel lies along a random direction, (s, s), -1 to 1 or a little more."""
    angle, axis = rng.uniform(0, 2 * np.pi), np.linspace(-1, 1, size_px, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    return np.asarray(np.cos(angle) * x + np.sin(angle) * y, np.float32)


def _step(distance: Plane, softness: float) -> Plane:
    """Return 0 to 1, half at a distance of 0, within about a softness."""
    return np.asarray(0.5 + 0.5 * np.tanh(2 * distance / softness), np.float32)


def _edge(size_px: int, rng: Rng) -> Plane:
    return _step(_across(size_px, rng) - rng.uniform(-0.8, 0.8), 10 ** rng.uniform(-1.3, 0.4))


def _bars(size_px: int, rng: Rng) -> Plane:
    wave = np.sin(rng.uniform(2, 12) * _across(size_px, rng) + rng.uniform(0, 6))
    return _step(wave - rng.uniform(-0.7, 0.5), 10 ** rng.uniform(-0.8, 0.3))


def _leaves(size_px: int, rng: Rng) -> Plane:
    grid = rng.normal(size=[rng.integers(3, 14)] * 2).astype(np.float32)
    spots = cv2.resize(grid, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    return _step(spots - rng.uniform(-0.5, 0.5), 10 ** rng.uniform(-0.5, 0.6))


_PATTERNS: tuple[Callable[[int, Rng], Plane], ...] = (_edge, _edge, _bars, _leaves)
