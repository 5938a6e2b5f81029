"""What is far behind a scene, painted: skies with clouds, distant land or sea, blurred gardens.

No lamp lights it, so the network has to learn that it stays as it is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from model_export.streaming.crops import Plane


def backdrop(size_px: int, rng: np.random.Generator) -> Plane:
    """Return radiance (s, s, 3), about 1 where it is bright."""
    painted = _gradient(size_px, rng)
    kind = rng.choice(["clear", "clouds", "blurred"], p=[0.3, 0.45, 0.25])
    if kind == "clouds":
        painted = _cloudy(painted, rng)
    elif kind == "blurred":
        painted = _patchy(painted, rng)
    if rng.random() < 0.3:
        painted = _with_land(painted, rng)
    return np.asarray(painted.clip(0), np.float32)


def _color(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a colour (3,), its largest channel 1: blue, warm or grey."""
    colors = ((0.35, 0.6, 1), (0.8, 0.9, 1), (1, 0.75, 0.5), (1, 1, 1), (0.5, 0.8, 0.3))
    color = np.array(colors[rng.choice(len(colors), p=[0.35, 0.2, 0.15, 0.2, 0.1])])
    color = (color * rng.uniform(0.75, 1.25, 3)).clip(0.02)
    return np.asarray(color / color.max(), np.float32)


def _gradient(size_px: int, rng: np.random.Generator) -> Plane:
    steps = np.linspace(0, 1, size_px, dtype=np.float32) ** np.float32(rng.uniform(0.5, 2))
    down = steps[:, None, None]
    colors = _color(rng) * rng.uniform(0.1, 1), _color(rng) * rng.uniform(0.3, 1)
    painted = colors[0] * (1 - down) + colors[1] * down
    return np.asarray(np.broadcast_to(painted, (size_px, size_px, 3)), np.float32)


def _cloudy(sky: Plane, rng: np.random.Generator) -> Plane:
    """Add clouds, brighter than the sky, and grey on some of their parts."""
    cover = _noise(len(sky), rng)
    edge, width = rng.uniform(-0.6, 0.8), rng.uniform(0.1, 1)
    share = ((cover - edge) / width).clip(0, 1)[..., None]
    light = 1 - rng.uniform(0, 0.6) * _noise(len(sky), rng).clip(0, 1)[..., None]
    cloud = rng.uniform(0.6, 1.5) * (0.5 + 0.5 * _color(rng)) * light
    return np.asarray(sky + (cloud - sky) * share, np.float32)


def _patchy(ground: Plane, rng: np.random.Generator) -> Plane:
    for _ in range(rng.integers(1, 4)):
        share = (rng.uniform(1, 6) * _noise(len(ground), rng, num_octaves=1)).clip(0, 1)
        patch = _color(rng) * rng.uniform(0.05, 1.2)
        ground = ground + (patch - ground) * share[..., None]
    return ground


def _with_land(sky: Plane, rng: np.random.Generator) -> Plane:
    """Put sea, a plain or hills below a horizon."""
    size_px = len(sky)
    bumps = cv2.resize(rng.normal(size=(1, 8)), (size_px, 1), interpolation=cv2.INTER_CUBIC)[0]
    horizon = rng.uniform(0.3, 0.9) + rng.choice([0, 0.02, 0.1]) * bumps  # (s,)
    rows = np.linspace(0, 1, size_px)[:, None]
    share = ((rows - horizon) * size_px / rng.uniform(1, 8)).clip(0, 1)[..., None]
    color = _color(rng) * rng.uniform(0.05, 0.8)
    land = color * (1 + rng.uniform(0, 0.4) * _noise(size_px, rng)[..., None])
    return np.asarray(sky + (land - sky) * share, np.float32)


def _noise(size_px: int, rng: np.random.Generator, num_octaves: int = 4) -> Plane:
    """Return noise (s, s) of deviation about 1, flat or as wide as high."""
    wide = rng.integers(2, 6)
    high = wide * rng.integers(1, 4)
    total = np.zeros((size_px, size_px), np.float32)
    for octave in range(num_octaves):
        grid = rng.standard_normal((high << octave, wide << octave), dtype=np.float32)
        size = (size_px, size_px)
        total += cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC) / np.float32(1 << octave)
    return total
