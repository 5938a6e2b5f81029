"""Reads JPEG: a sound file with simplejpeg, any other with OpenCV.

Both call libjpeg-turbo and give the same pixels. simplejpeg decodes into the array that it returns,
where OpenCV copies the picture once more. But it refuses rare subsamplings, and each file of which
libjpeg warns; OpenCV reads those unless they are cut off.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from service.imaging import wide


def read(data: bytes, width_px: int, height_px: int) -> npt.NDArray[np.uint8]:
    """Return the pixels of a grey or RGB JPEG, uint8 (height_px, width_px, 3).

    Raises:
        ValueError: the data are broken, or the picture has another size.
    """
    codes: npt.NDArray[np.uint8 | np.uint16]
    try:
        if simplejpeg.decode_jpeg_header(data)[:2] != (height_px, width_px):
            raise ValueError("readers disagree on the size of the picture")
        codes = np.asarray(simplejpeg.decode_jpeg(data))
    except (ValueError, KeyError):  # KeyError: it has no name for 4:4:1
        codes = wide.decoded(data, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if codes.shape != (height_px, width_px, 3):
        raise ValueError("the pixels are not what the header says")
    return np.asarray(codes, np.uint8)
