"""Prepares a picture with transparency for the network, so that hidden colours do not count.

Colours below alpha 0 are whatever a tool left there. Pixels count by their alpha, and where
nothing can be seen the surroundings are continued, by a pyramid (Gortler et al., "The
Lumigraph", 1996, section 3.4): two files that look alike are relit alike.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.contract.buckets import Bucket, content_size, place
from service.imaging.photo import Codes

Pixels = npt.NDArray[np.float32]

_STRIP_ROWS: Final = 128  # memory stays that of a strip
_SEEN: Final = np.float32(1 / 4)  # from this mean alpha on, a small pixel has its own colour
_NEUTRAL: Final = np.float32(0.5)  # where the whole picture is transparent


def fit_visible(pixels: Codes, alpha: Codes, bucket: Bucket, *, mirrored: bool = False) -> Pixels:
    """Bring the visible part of a picture into a bucket, as `buckets.fit` does with a whole one.

    Args:
        pixels: uint8 or uint16 (h, w, 3).
        alpha: (h, w), of the same type.
        bucket: the shape, from `choose_bucket`.
        mirrored: whether to flip it left-right first.

    Returns:
        float32 (bucket.height_px, bucket.width_px, 3), 0 to 1.
    """
    if mirrored:
        pixels, alpha = pixels[:, ::-1], alpha[:, ::-1]
    height_px, width_px = alpha.shape
    small = _weighted(pixels, alpha, *content_size(width_px, height_px, bucket))
    weight = np.clip(small[..., 3:], 0, 1)
    colours = small[..., :3] / np.maximum(weight, 1e-6)
    trust = np.minimum(weight / _SEEN, 1)
    return place(np.clip(_continued(colours * trust, trust), 0, 1), bucket)


def _weighted(pixels: Codes, alpha: Codes, num_columns: int, num_rows: int) -> Pixels:
    """Return float32 (num_rows, num_columns, 4): mean of colour times alpha, mean of alpha."""
    height_px, width_px = alpha.shape
    across = cv2.INTER_AREA if num_columns < width_px else cv2.INTER_LINEAR
    down = cv2.INTER_AREA if num_rows < height_px else cv2.INTER_LINEAR
    white = np.float32(np.iinfo(pixels.dtype).max)
    narrow = np.empty((height_px, num_columns, 4), np.float32)
    for top in range(0, height_px, _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        weights = alpha[rows, :, None] / white
        strip = np.dstack([pixels[rows] / white * weights, weights])
        narrow[rows] = cv2.resize(strip, (num_columns, len(strip)), interpolation=across)
    return np.asarray(cv2.resize(narrow, (num_columns, num_rows), interpolation=down), np.float32)


def _continued(colours: Pixels, trust: Pixels) -> Pixels:
    """Fill a picture in where it is not trusted.

    Args:
        colours: (h, w, 3), times `trust`.
        trust: (h, w, 1), 0 to 1.
    """
    height_px, width_px = trust.shape[:2]
    if max(height_px, width_px) == 1:
        around = np.full_like(colours, _NEUTRAL)
    else:
        half = (-(-width_px // 2), -(-height_px // 2))
        stacked = np.dstack([colours, trust])
        coarse = np.asarray(cv2.resize(stacked, half, interpolation=cv2.INTER_AREA), np.float32)
        # One of four trusted pixels is enough to know the colour of all.
        gain = np.minimum(4, 1 / np.maximum(coarse[..., 3:], 1e-6))
        coarse = np.asarray(coarse * gain, np.float32)
        filled = _continued(coarse[..., :3], coarse[..., 3:])
        around = np.asarray(cv2.resize(filled, (width_px, height_px)), np.float32)
    return np.asarray(colours + (1 - trust) * around.reshape(colours.shape), np.float32)
