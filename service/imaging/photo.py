"""A decoded photo, independent of its file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# uint8, or uint16 for files of 16 bits a sample. mypy cannot carry the choice through OpenCV.
Codes = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Photo:
    """A picture, upright.

    Attributes:
        pixels: uint8 or uint16 (h, w, 3), in the colour space of `icc_profile`.
        format: the file's format, a key of `service.imaging.formats.FORMATS`.
        alpha: (h, w), of the type of `pixels`, or None when the file has no transparency.
        icc_profile: the profile of an RGB space, or of grey when `is_gray`; None means sRGB.
        exif: EXIF data without orientation and thumbnail, at most 1 MB, or None.
        xmp: an XMP packet without orientation, UTF-8, at most 1 MB, or None.
        dpi: resolution in print, across and down, in dots an inch, or None.
        has_manifest: whether the file carries a C2PA manifest, which no answer keeps.
        is_gray: whether the picture has no colour; its three channels then are equal.
    """

    pixels: Codes
    format: str
    alpha: Codes | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    has_manifest: bool = False
    is_gray: bool = False

    @property
    def width_px(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height_px(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def white(self) -> int:
        """The largest code: 255, or 65535 in 16 bits."""
        return int(np.iinfo(self.pixels.dtype).max)
