"""Which way round a photo is, so that it and its mirror image can be treated alike."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

# About the shares of luminance; small integers, so that no sum below leaves 64 bits.
_WEIGHTS: Final = np.array([3, 10, 1], np.int64)


def leans_left(pixels: NDArray[Any]) -> bool:
    """Return whether a picture's left half outweighs its right one, by luminance.

    All sums are of integers: of a picture and its mirror image exactly one leans left, unless
    neither does, as they balance.

    Args:
        pixels: uint8 or uint16 (h, w, 3).
    """
    columns = cv2.reduce(pixels, 0, cv2.REDUCE_SUM, dtype=cv2.CV_64F)[0]  # exact up to 2^53
    luminance = columns.astype(np.int64) @ _WEIGHTS
    width_px = len(luminance)
    places = 2 * np.arange(width_px, dtype=np.int64) - (width_px - 1)
    return int(luminance @ places) < 0
