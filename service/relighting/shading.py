"""Takes the light from the network and the colours from the photo.

The network predicts light well and colours badly: it was trained on the colour of one lamp, and its
instance norms discard the photo's white balance. So only the luminance of its output is used; hue
and saturation are the photo's:

    shaded = k Y(relit) c(original)        in linear light

k preserves the photo's mean luminance, which the instance norms also discard. c, colour at
luminance 1, comes from the surroundings of a pixel that is too dark for a reliable colour. There
the network also guesses and leaves small dark spots, so deep shadow is lit evenly.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.contract.color import LUMINANCE, linear_to_srgb, soft_clip, srgb_to_linear

Pixels = npt.NDArray[np.float32]

_DARK: Final = np.float32(0.003)  # linear luminance under which a pixel's own colour is noise
_DEEP: Final = np.float32(0.012)  # under this one, the network's light is a guess
_SURROUNDINGS_SHARE: Final = 1 / 32  # of the short side, standard deviation
_TINY: Final = np.float32(1e-4)


def shade(original_srgb: Pixels, relit_srgb: Pixels) -> Pixels:
    """Return the original under the light of the relit picture.

    Args:
        original_srgb: float32 (h, w, 3), sRGB codes 0 to 1.
        relit_srgb: the same; only its luminance counts.

    Returns:
        float32 (h, w, 3), sRGB codes 0 to 1, of the original's colours and mean luminance.
    """
    original = srgb_to_linear(original_srgb)
    luminance = _luminance(original)  # (h, w)
    wanted = _even_in_the_dark(_luminance(srgb_to_linear(relit_srgb)), luminance)
    wanted *= luminance.mean() / np.maximum(wanted.mean(), _TINY)
    # t c + (1 - t) c_around, with trust t = Y / (Y + dark), in the fewest passes
    around = _surroundings(original)
    around *= _DARK
    around += original
    around *= cv2.merge([wanted / (luminance + _DARK)] * 3)
    return linear_to_srgb(soft_clip(around))


def _even_in_the_dark(wanted: Pixels, luminance: Pixels) -> Pixels:
    """Return the network's light, averaged with that of other dark pixels in deep shadow.

    Args:
        wanted: (h, w), luminance that the network painted.
        luminance: (h, w), that of the photo.
    """
    guessed = 1 / (1 + (luminance / _DEEP) ** 3)  # 1 in the dark, nearly 0 in the light
    sigma_px = min(wanted.shape) * _SURROUNDINGS_SHARE
    weight = cv2.GaussianBlur(guessed, (0, 0), sigma_px) + _TINY
    even = cv2.GaussianBlur(wanted * guessed, (0, 0), sigma_px) / weight
    return np.asarray(wanted + guessed * (even - wanted), np.float32)


def _luminance(linear: Pixels) -> Pixels:
    """Return (h, w) of (h, w, 3)."""
    return np.asarray(cv2.transform(linear, LUMINANCE.astype(np.float32)[None]), np.float32)


def _surroundings(linear: Pixels) -> Pixels:
    """Return the colour around each pixel, at luminance 1; made at a quarter of the size."""
    height_px, width_px = linear.shape[:2]
    small_size = (-(-width_px // 4), -(-height_px // 4))
    small = cv2.resize(linear, small_size, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), min(small_size) * _SURROUNDINGS_SHARE) + _TINY
    blurred /= _luminance(blurred)[..., None]
    return np.asarray(cv2.resize(blurred, (width_px, height_px)), np.float32)
