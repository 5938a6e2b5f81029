"""A decoded photo, independent of its file format, and the limits on its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from relight.errors import ImageTooLarge, ImageTooSmall

# uint8, or uint16 for files of 16 bits a sample. mypy cannot carry the choice through OpenCV.
Codes = npt.NDArray[Any]

_DEFAULT_MAX_DECODED_BYTES: Final = 512_000_000


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The accepted sizes.

    Attributes:
        max_pixels: most pixels in all.
        max_side_px: longest side.
        min_side_px: shortest side.
        max_decoded_bytes: most memory for one decoded picture, its alpha included.
    """

    max_pixels: int
    max_side_px: int
    min_side_px: int
    max_decoded_bytes: int = _DEFAULT_MAX_DECODED_BYTES

    def check_largest(self, width_px: int, height_px: int) -> None:
        """Refuse what is larger than any picture may be, before a decoder sees it.

        Raises:
            ImageTooLarge: it has too many pixels.
        """
        if width_px * height_px > self.max_pixels:
            raise ImageTooLarge(
                f"the image has {width_px} x {height_px} pixels; at most {self.max_pixels} "
                "in all are accepted"
            )

    def check(self, width_px: int, height_px: int, bytes_per_pixel: int = 3) -> None:
        """Refuse a picture of another size.

        Raises:
            ImageTooLarge: it has too many pixels, too long a side, or needs too much memory.
            ImageTooSmall: it has too short a side.
        """
        self.check_largest(width_px, height_px)
        size = f"the image has {width_px} x {height_px} pixels"
        if max(width_px, height_px) > self.max_side_px:
            raise ImageTooLarge(f"{size}; a side may have at most {self.max_side_px}")
        if min(width_px, height_px) < self.min_side_px:
            raise ImageTooSmall(f"{size}; a side must have at least {self.min_side_px}")
        num_bytes = width_px * height_px * bytes_per_pixel
        if num_bytes > self.max_decoded_bytes:
            raise ImageTooLarge(
                f"{size} of {bytes_per_pixel} bytes; decoded it may take at most "
                f"{self.max_decoded_bytes} bytes, not {num_bytes}"
            )


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
