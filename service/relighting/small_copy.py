"""Makes a small copy of a photo and its mask, for many answers of modest size."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from service.imaging import ImageLimits, Photo, decode, encode
from service.imaging.photo import Codes
from service.relighting.masking import decode_mask, fit_mask


def small_copies(
    data: bytes, mask: bytes | None, limits: ImageLimits, longest_px: int
) -> tuple[bytes, bytes | None]:
    """Return a photo and its mask as PNG files of one size.

    Args:
        data: an image file.
        mask: another of its proportions, or None.
        limits: accepted sizes.
        longest_px: length of the longer side, at most; nothing is enlarged.

    Raises:
        ImageError: the photo is invalid.
        InvalidOption: the mask is, or does not fit the photo.
    """
    photo = decode(data, limits)
    scale = min(1.0, longest_px / max(photo.width_px, photo.height_px))
    size = (max(1, round(photo.width_px * scale)), max(1, round(photo.height_px * scale)))
    small = replace(
        photo,
        pixels=_shrunk(photo.pixels, size),
        alpha=None if photo.alpha is None else _shrunk(photo.alpha, size),
    )
    if mask is None:
        return encode(small, "png"), None
    codes = fit_mask(decode_mask(mask, limits, photo.width_px, photo.height_px), *size)
    picture = Photo(pixels=np.repeat(codes[..., None], 3, axis=-1), format="png", is_gray=True)
    return encode(small, "png"), encode(picture, "png")


def _shrunk(codes: Codes, size: tuple[int, int]) -> Codes:
    if codes.shape[1::-1] == size:
        return codes
    return np.asarray(cv2.resize(codes, size, interpolation=cv2.INTER_AREA), codes.dtype)
