"""Applies the mask of a request: white is relit, black stays as it is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from service.contract.color import linear_to_srgb, srgb_to_linear
from service.imaging import ImageLimits
from service.imaging.photo import Codes
from service.relighting.companion import decode_companion


def decode_mask(data: bytes, limits: ImageLimits, width_px: int, height_px: int) -> Codes:
    """Read a mask.

    Args:
        data: an image file; its colours count by their luminance, as codes without any gamma, and
            what is transparent counts as black.
        limits: accepted sizes of images.
        width_px: width of the photo, upright.
        height_px: height of the photo.

    Returns:
        uint8 or uint16 (h, w), of the mask's own size.

    Raises:
        InvalidOption: it is no image that can be read, or has other proportions than the photo.
    """
    picture = decode_companion("mask", data, limits, width_px, height_px)
    gray = picture.pixels[..., 0]
    if not picture.is_gray:
        gray = cv2.cvtColor(picture.pixels, cv2.COLOR_RGB2GRAY)
    if picture.alpha is None:
        return np.ascontiguousarray(gray)
    return np.asarray(cv2.multiply(gray, picture.alpha, scale=1 / picture.white), gray.dtype)


def fit_mask(mask: Codes, width_px: int, height_px: int) -> Codes:
    """Return a mask at another size, of the same type."""
    if mask.shape == (height_px, width_px):
        return mask
    shrinks = mask.size > width_px * height_px
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask, (width_px, height_px), interpolation=method), mask.dtype)


def blend_masked(original: Codes, relit: Codes, mask: NDArray[Any]) -> None:
    """Put the original back into a relit picture where the mask is not white.

    The blend is in linear light by the curve of sRGB: that of other colour spaces differs little.

    Args:
        original: uint8 or uint16 (h, w, 3).
        relit: the same; overwritten. Untouched where the mask is white, and the original to the
            last bit where it is black.
        mask: uint8 or uint16 (h, w).
    """
    np.copyto(relit, original, where=(mask == 0)[..., None])
    top = np.iinfo(mask.dtype).max
    edge = (mask > 0) & (mask < top)
    if not edge.any():
        return
    white, share = np.float32(np.iinfo(relit.dtype).max), mask[edge, None] / np.float32(top)
    before, after = (srgb_to_linear(x[edge].astype(np.float32) / white) for x in (original, relit))
    mixed = linear_to_srgb(before + share * (after - before))
    relit[edge] = np.rint(np.clip(mixed, 0, 1) * white)
