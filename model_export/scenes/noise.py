"""Tileable random fields that the materials are mixed from. All are (n, n) float32."""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.spatial import cKDTree

from model_export.scenes.description import FloatArray, IntArray

SIZE_PX = 512


def fractal_noise(
    rng: np.random.Generator,
    *,
    slope: float = 2.0,
    min_cycles: int = 1,
    stretch: float = 1.0,
    size_px: int = SIZE_PX,
) -> FloatArray:
    """Draw noise whose power falls with frequency as 1 / f**(slope + 1).

    Args:
        rng: source of the phases.
        slope: 0.5 is gritty, 2 cloudy.
        min_cycles: lowest frequency per tile; 3 and more hide that the tile repeats.
        stretch: above 1 the pattern is that much longer along v (grain, streaks).
        size_px: side of the tile.

    Returns:
        (size_px, size_px) in [0, 1], mean 0.5, standard deviation 0.2 before clipping.
    """
    v = fft.fftfreq(size_px, 1 / size_px)[:, None] * stretch
    u = fft.rfftfreq(size_px, 1 / size_px)[None, :]
    frequency = np.hypot(u, v).astype(np.float32)
    frequency[0, 0] = np.inf
    amplitude = np.where(frequency >= min_cycles, frequency ** np.float32(-slope / 2 - 0.5), 0)
    phase = rng.random(frequency.shape, dtype=np.float32) * np.float32(2 * np.pi)
    field = fft.irfft2(amplitude * np.exp(1j * phase), s=(size_px, size_px))
    return np.asarray(np.clip(0.5 + 0.2 * field / field.std(), 0, 1), dtype=np.float32)


def smoothstep(x: FloatArray, low: float, high: float) -> FloatArray:
    """Rise smoothly from 0 at `low` to 1 at `high` (Hermite)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def cells(rng: np.random.Generator, num_cells: int) -> tuple[FloatArray, IntArray]:
    """Split the tile into irregular cells (Worley noise) with slightly wavy borders.

    Returns:
        Distance to the nearest border in tile widths, and the index of the cell.
    """
    seeds = rng.random((num_cells, 2))
    shifts = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    tree = cKDTree((shifts[:, None] + seeds).reshape(-1, 2))
    v, u = np.mgrid[0:SIZE_PX, 0:SIZE_PX] / SIZE_PX
    wave = 0.25 / np.sqrt(num_cells)
    points = np.stack(
        [u + wave * (fractal_noise(rng) - 0.5), v + wave * (fractal_noise(rng) - 0.5)], axis=-1
    )
    nearest = tree.query(points.reshape(-1, 2), k=2)
    distance, index = np.asarray(nearest[0]), np.asarray(nearest[1])
    border = ((distance[:, 1] - distance[:, 0]) / 2).reshape(SIZE_PX, SIZE_PX)
    return border.astype(np.float32), (index[:, 0] % num_cells).reshape(SIZE_PX, SIZE_PX)


def mix(a: FloatArray, b: FloatArray, share_of_b: FloatArray) -> FloatArray:
    """Blend colours (n, n, 3) or (3,) by a mask (n, n)."""
    return a + (np.asarray(b) - a) * share_of_b[..., None]
