"""Estimates the memory for reading and writing a picture, before any is allocated.

The figures are bytes for each pixel at the worst moment, measured on flat and on noisy pictures
of 12 and 50 megapixels and rounded up. Those of HEIF and of AVIF with 10 bits are estimates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from service.imaging import containers
from service.imaging.formats import sniff
from service.imaging.limits import ImageLimits
from service.imaging.photo import Photo
from service.imaging.screening import screen, still_part

# Decoder, conversions and result together.
_READING: Final[Mapping[str, int]] = MappingProxyType(
    {"jpeg": 7, "png": 17, "webp": 24, "avif": 26, "tiff": 17, "heif": 26}
)
_READING_16_BIT: Final = 20
_HELD: Final[Mapping[str, int]] = MappingProxyType({"jpeg": 3, "tiff": 8, "heif": 6})
_HELD_OTHERS: Final = 4
# What the encoder takes beside the picture, and the file.
_WRITING: Final[Mapping[str, int]] = MappingProxyType(
    {"jpeg": 8, "png": 10, "webp": 19, "avif": 48, "tiff": 13}
)
_WRITING_16_BIT: Final = 26
_WRITING_PROGRESSIVE: Final = 20


@dataclass(frozen=True, slots=True)
class ReadingCost:
    """What reading a file takes.

    Attributes:
        peak_bytes: memory at the worst moment.
        held_bytes: at most as much, once it is read.
    """

    peak_bytes: int
    held_bytes: int


def reading_cost(data: bytes, limits: ImageLimits) -> ReadingCost:
    """Return what `service.imaging.decode` will take for a file.

    Raises:
        UnsupportedMediaType, ImageCorrupt, ImageTooLarge, ImageAnimated: as it would.
    """
    format_name = sniff(data)
    width_px, height_px = screen(still_part(data, format_name), format_name)
    limits.check_largest(width_px, height_px)
    per_pixel, held = _READING[format_name], _HELD.get(format_name, _HELD_OTHERS)
    if format_name == "png" and containers.png.is_16_bit(data):
        per_pixel, held = _READING_16_BIT, 8
    if format_name == "jpeg":
        per_pixel += 2 * containers.jpeg.num_buffered_components(data)
    num_pixels = width_px * height_px
    return ReadingCost(num_pixels * per_pixel, num_pixels * held)


def writing_bytes(photo: Photo, format_name: str, *, progressive: bool = False) -> int:
    """Return how much memory finishing a photo and writing it takes beside the photo itself."""
    is_wide = photo.pixels.itemsize == 2
    per_pixel = _WRITING[format_name]
    if is_wide and format_name in {"png", "tiff"}:
        per_pixel = _WRITING_16_BIT
    if format_name == "jpeg" and progressive:
        per_pixel = _WRITING_PROGRESSIVE
    own_bytes = 3 * photo.pixels.itemsize  # the relit pixels, where the photo's cannot be reused
    return photo.width_px * photo.height_px * (per_pixel + own_bytes)
