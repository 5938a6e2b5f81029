"""Reads a second picture that lies over the photo, such as a mask or a depth map."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from relight.errors import ImageError, InvalidOption
from service.imaging import ImageLimits, Photo, decode

_OFF_BY_PX: Final = 1.0  # a side of a picture that was scaled is a whole number


def decode_companion(
    name: str, data: bytes, limits: ImageLimits, width_px: int, height_px: int
) -> Photo:
    """Read a picture of the photo's proportions, of any size.

    Args:
        name: of the file in the form, for errors.
        data: an image file.
        limits: accepted sizes of images.
        width_px: width of the photo, upright.
        height_px: height of the photo.

    Raises:
        InvalidOption: it is no image that can be read, or has other proportions than the photo.
    """
    try:
        picture = decode(data, replace(limits, min_side_px=1))
    except ImageError as error:
        raise InvalidOption(f"the {name} cannot be used: {error}", option=name) from None
    columns, rows = picture.width_px, picture.height_px
    off_px = min(
        abs(rows - columns * height_px / width_px), abs(columns - rows * width_px / height_px)
    )
    if off_px > _OFF_BY_PX:
        raise InvalidOption(
            f"the {name} has {columns} x {rows} pixels; it must have the proportions of the photo, "
            f"{width_px} x {height_px}",
            option=name,
        )
    return picture
