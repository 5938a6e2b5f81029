"""Writes JPEG: the picture by OpenCV, the segments of its metadata by Pillow.

Both call libjpeg-turbo, and the bytes are those that Pillow alone would write. It would first copy
the pixels into a picture of its own, of four bytes a pixel; OpenCV reads them where they are.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final, Literal

import cv2
import numpy as np
from PIL import Image

from service.imaging.photo import Codes

Subsampling = Literal["444", "422", "420"]

SAMPLING: Final = {
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}
_STRIP_ROWS: Final = 16  # two copies fit a core's own cache
_APPLICATION_SEGMENTS: Final = range(0xE0, 0xF0)  # markers APP0 to APP15 (ITU-T T.81, table B.1)


def write(
    samples: Codes,
    *,
    quality: int,
    subsampling: Subsampling,
    is_progressive: bool,
    may_overwrite: bool,
    **beside: Any,
) -> bytes:
    """Return a JPEG file.

    Args:
        samples: uint8 (h, w, c): grey or RGB.
        quality: 1 to 100.
        subsampling: how much colour it keeps.
        is_progressive: whether it shows coarsely at once.
        may_overwrite: whether `samples` may be used up, which saves memory.
        beside: `icc_profile`, `exif`, `xmp` and `dpi` as Pillow takes them.
    """
    is_gray = samples.shape[2] == 1
    parameters = {
        cv2.IMWRITE_JPEG_QUALITY: quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR: SAMPLING["444" if is_gray else subsampling],
        cv2.IMWRITE_JPEG_PROGRESSIVE: int(is_progressive),
    }
    picture = samples if is_gray else _bgr(samples, may_overwrite=may_overwrite)
    _, encoded = cv2.imencode(".jpg", picture, [x for pair in parameters.items() for x in pair])
    head = BytesIO()
    Image.new("L" if is_gray else "RGB", (1, 1)).save(head, "jpeg", **beside)
    start, codes = head.getvalue(), memoryview(encoded.data)
    return b"".join([start[: _metadata_end(start)], codes[_metadata_end(codes) :]])


def _bgr(rgb: Codes, *, may_overwrite: bool) -> Codes:
    """Swap red and blue, in place if that is allowed."""
    if not (may_overwrite and rgb.flags.writeable and rgb.flags.c_contiguous):
        return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    for top in range(0, len(rgb), _STRIP_ROWS):
        strip = rgb[top : top + _STRIP_ROWS]
        cv2.cvtColor(strip.copy(), cv2.COLOR_RGB2BGR, dst=strip)
    return rgb


def _metadata_end(data: bytes | memoryview) -> int:
    """Return the offset behind the application segments at the start of a JPEG file."""
    offset = 2
    while data[offset + 1] in _APPLICATION_SEGMENTS:
        offset += 2 + int.from_bytes(data[offset + 2 : offset + 4])
    return offset
