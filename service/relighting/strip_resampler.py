"""Enlarges a small picture strip by strip, with the results of `cv2.resize`.

It needs the memory of a few strips, which fits the processor's cache. Columns are enlarged
by OpenCV once for each row of the small picture; rows are mixed by a product of matrices.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]
Weights = npt.NDArray[np.float64]

STRIP_ROWS: Final = 8  # all of a strip's buffers, at 12 megapixels, fit a core's own cache
_ROWS_AT_ONCE: Final = 32  # of the small picture
_SMALL_PRODUCT: Final = 2**18  # OpenBLAS starts no threads up to this size


class StripResampler:
    """A small picture, enlarged strip by strip.

    Args:
        x: float32 (h, w, 3).
        width_px: width to enlarge to.
        height_px: height to enlarge to.
        method: `cv2.INTER_LINEAR` or `cv2.INTER_CUBIC`.
    """

    def __init__(self, x: Pixels, width_px: int, height_px: int, method: int) -> None:
        num_rows = x.shape[0]
        self._x, self._width_px, self._method = x, width_px, method
        self._first, self._weights = _strip_weights(num_rows, height_px, method)
        self._buffer = np.empty((STRIP_ROWS, 3 * width_px), np.float32)
        num_wide = min(num_rows, self._weights.shape[1] + _ROWS_AT_ONCE)
        self._wide = np.empty((num_wide, width_px, 3), np.float32)
        self._wide_rows = range(0)

    def strip(self, top: int) -> Pixels:
        """Return some rows; the next call overwrites them.

        Args:
            top: the first of them, a multiple of `STRIP_ROWS`.

        Returns:
            float32 (rows, width_px * 3): `STRIP_ROWS` of them, or what is left.
        """
        weights = self._weights[top : top + STRIP_ROWS]
        first = self._first[top // STRIP_ROWS]
        rows = self._enlarged(first, weights.shape[1])
        strip = self._buffer[: weights.shape[0]]
        num_columns = max(1, _SMALL_PRODUCT // weights.size)
        for left in range(0, rows.shape[1], num_columns):
            columns = slice(left, left + num_columns)
            np.matmul(weights, rows[:, columns], out=strip[:, columns])
        return strip

    def _enlarged(self, first: int, num_rows: int) -> Pixels:
        """Return rows of the small picture at full width, (num_rows, width_px * 3)."""
        if first not in self._wide_rows or first + num_rows > self._wide_rows.stop:
            size = (self._width_px, min(len(self._wide), len(self._x) - first))
            self._wide_rows = range(first, first + size[1])
            cv2.resize(
                self._x[self._wide_rows.start : self._wide_rows.stop],
                size,
                dst=self._wide[: size[1]],
                interpolation=self._method,
            )
        offset = first - self._wide_rows.start
        return self._wide[offset : offset + num_rows].reshape(num_rows, -1)


def _strip_weights(num_rows: int, height_px: int, method: int) -> tuple[list[int], Pixels]:
    """Return how the rows of each strip are mixed from the small picture's rows.

    Returns:
        The first row that each strip needs, and weights (height_px, k) of the k rows from there on.
    """
    positions = (np.arange(height_px) + 0.5) * (num_rows / height_px) - 0.5
    before = np.floor(positions).astype(np.intp)
    taps, weights = _TAPS[method](positions - before)
    rows = np.clip(before[:, None] + taps, 0, num_rows - 1)
    first = rows[::STRIP_ROWS, 0]
    offsets = rows - np.repeat(first, STRIP_ROWS)[:height_px, None]
    num_used = int(offsets.max()) + 1
    # No strip may reach past the last row.
    shift = np.maximum(first + num_used - num_rows, 0)
    offsets += np.repeat(shift, STRIP_ROWS)[:height_px, None]
    mixed = np.zeros((height_px, num_used), np.float32)
    np.add.at(mixed, (np.arange(height_px)[:, None], offsets), weights)
    return (first - shift).tolist(), mixed


def _linear_taps(t: Weights) -> tuple[list[int], Weights]:
    """Return the neighbours, by their distance, and their weights at a share `t` of the way."""
    return [0, 1], np.stack([1 - t, t], axis=1)


def _cubic_taps(t: Weights) -> tuple[list[int], Weights]:
    """Return the same for cubic convolution (Keys 1981) with OpenCV's a = -0.75."""
    a, distance = -0.75, np.stack([1 + t, t, 1 - t, 2 - t], axis=1)
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return [-1, 0, 1, 2], np.where(distance <= 1, near, far)


_TAPS: Final = {cv2.INTER_LINEAR: _linear_taps, cv2.INTER_CUBIC: _cubic_taps}
