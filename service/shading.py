"""Takes the light from the network, and leaves the photo its colours.

The network judges light well and colours badly: it was trained to answer in the colour of one
lamp, and its instance norms throw the photo's own white balance away. So only the luminance of
what it painted is used; hue and saturation stay those of the photo:

    shaded = k Y(relit) c(original)        in linear light

k keeps the photo's mean luminance, which the instance norms threw away, too. c, colour at
luminance 1, is taken from a pixel's surroundings where the pixel itself is too dark to tell.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.color import LUMINANCE, linear_to_srgb, soft_clip, srgb_to_linear

Pixels = npt.NDArray[np.float32]

NEUTRAL_K: Final = 6500  # the white of sRGB: what a balanced photo counts as lit by

_DARK: Final = np.float32(0.003)  # linear luminance under which a pixel's own colour is noise
_SURROUNDINGS_SHARE: Final = 1 / 32  # of the short side, standard deviation
_TINY: Final = np.float32(1e-4)


def shade(original_srgb: Pixels, relit_srgb: Pixels) -> Pixels:
    """Return the original under the light that the relit picture shows.

    Args:
        original_srgb: float32 (h, w, 3), sRGB codes 0 to 1.
        relit_srgb: the same; only its luminance counts.

    Returns:
        float32 (h, w, 3), sRGB codes 0 to 1, of the original's colours and mean luminance.
    """
    original, weights = srgb_to_linear(original_srgb), LUMINANCE.astype(np.float32)
    luminance = original @ weights  # (h, w)
    wanted = srgb_to_linear(relit_srgb) @ weights
    wanted *= luminance.mean() / np.maximum(wanted.mean(), _TINY)

    around = cv2.GaussianBlur(original, (0, 0), min(original.shape[:2]) * _SURROUNDINGS_SHARE)
    around_color = (around + _TINY) / (around @ weights + _TINY)[..., None]
    own_color = original / np.maximum(luminance, _TINY)[..., None]
    trust = (luminance / (luminance + _DARK))[..., None]
    color = trust * own_color + (1 - trust) * around_color
    return linear_to_srgb(soft_clip(wanted[..., None] * color))
