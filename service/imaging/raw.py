"""Wraps pixels that come without a file in an uncompressed TIFF.

So every limit, every stage and the cache treat them as they treat a photo.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging import tiff


def to_file(pixels: NDArray[np.uint8]) -> bytes:
    """Return sRGB pixels, uint8 (h, w, 3), as a TIFF file: three bytes a pixel, and a header."""
    return tiff.write(pixels, is_compressed=False)


def from_file(data: bytes) -> NDArray[np.uint8]:
    """Return the pixels of a TIFF file of 8 bits that the service wrote, uint8 (h, w, 3)."""
    codes = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert codes is not None
    return np.asarray(codes, np.uint8)
