"""The limits on the size of a picture, checked before memory is used for its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from relight.errors import ImageTooLarge, ImageTooSmall

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
