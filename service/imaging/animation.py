"""GIF animations (GIF89a), for readers that know no other kind."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from service.imaging import profiles

_MAX_SIDE_PX: Final = 400  # a GIF hardly compresses
_XMP_EXTENSION: Final = b"\x21\xff\x0bXMP DataXMP"  # XMP specification part 3, 1.1.2
_XMP_TRAILER: Final = bytes([1, *range(255, -1, -1), 0])  # a reader of blocks finds its end here


def write_gif(stills: Sequence[bytes], frame_ms: int) -> bytes:
    """Return a GIF that shows stills one after another, without end.

    Its frames have at most 400 px a side, sRGB, 256 colours each; it has the XMP of the first.

    Args:
        stills: image files, all of one size.
        frame_ms: how long each is shown; GIF counts in steps of 10 ms.
    """
    frames = [_frame(still) for still in stills]
    file = BytesIO()
    first, *others = frames
    first.save(
        file, "gif", save_all=True, append_images=others, duration=frame_ms, loop=0, optimize=False
    )
    with Image.open(BytesIO(stills[0])) as still:
        xmp = still.info.get("xmp")
    return _with_xmp(file.getvalue(), xmp) if xmp else file.getvalue()


def _frame(still: bytes) -> Image.Image:
    with Image.open(BytesIO(still)) as image:
        image.thumbnail((_MAX_SIDE_PX, _MAX_SIDE_PX), Image.Resampling.LANCZOS)
        codes = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
        srgb = profiles.to_srgb(codes, image.info.get("icc_profile"))
    picture = Image.fromarray(np.rint(np.clip(srgb, 0, 1) * 255).astype(np.uint8))
    return picture.quantize(256, method=Image.Quantize.MEDIANCUT)


def _with_xmp(gif: bytes, xmp: bytes) -> bytes:
    """Put an XMP packet behind the table of colours."""
    flags = gif[10]
    at = 13 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)
    return gif[:at] + _XMP_EXTENSION + xmp + _XMP_TRAILER + gif[at:]
