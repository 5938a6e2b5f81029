"""Tileable noise in three dimensions, looked up at any points."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import fft
from scipy.ndimage import map_coordinates

from model_export.scenes.description import FloatArray

SIZE = 64
# Fall of the power with frequency: from gritty to cloudy.
GRITTY, ROUGH, UNEVEN, SMOOTH, CLOUDY = 0.0, 0.8, 1.6, 2.2, 2.8
SLOPES = (GRITTY, ROUGH, UNEVEN, SMOOTH, CLOUDY)


@cache
def _volume(slope: float) -> FloatArray:
    """Noise (64, 64, 64) float32 with mean 0 and deviation 1, the same in every process."""
    rng = np.random.default_rng([5, int(10 * slope)])
    f, half = fft.fftfreq(SIZE, 1 / SIZE), fft.rfftfreq(SIZE, 1 / SIZE)
    frequency = np.sqrt(f[:, None, None] ** 2 + f[None, :, None] ** 2 + half[None, None] ** 2)
    frequency[0, 0, 0] = np.inf
    phase = np.exp(2j * np.pi * rng.random(frequency.shape))
    field = fft.irfftn(frequency ** (-slope / 2 - 1) * phase, s=(SIZE,) * 3)
    return np.asarray(field / field.std(), dtype=np.float32)


def noise(
    points: FloatArray, slope: float = SMOOTH, *, scale: float = 1.0, shift: FloatArray | float = 0
) -> FloatArray:
    """Look up noise at points.

    Args:
        points: (n, 3).
        slope: one of `SLOPES`.
        scale: 1 repeats the pattern after a length of 1.
        shift: (3,) or one number; another shift gives another pattern. In 64ths of the period.

    Returns:
        (n,) float32, mean 0, deviation 1.
    """
    at = (np.asarray(points, dtype=np.float32) * np.float32(scale * SIZE) + shift).T
    return np.asarray(map_coordinates(_volume(slope), at, order=1, mode="grid-wrap"))
