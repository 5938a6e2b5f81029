"""Transfers relighting at low resolution to the full-size photo, with its detail.

The network turns a small picture i into a small relit picture o. A local line
o = a i + b describes the change; both coefficients are enlarged and the line is applied to the
full-size photo I:

    O = up_linear(a) I + up_cubic(b),    b = o - a i_s

The slope a is that of a guided filter (He, Sun and Tang, "Guided Image Filtering", 2013)
of i against o, biased towards the ratio of local means, o / i, where i is flat. It gives the
strength of the photo's texture under the new light; at old shadow edges that the network removed it
is zero, so that they leave no ghost. The base b is never smoothed: new shadows stay as sharp as in
o.

i_s is i with the network's blur, so that the detail missing in o is restored.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.contract.softness import estimate_softness
from service.imaging.photo import Codes
from service.relighting.masking import blend_masked
from service.relighting.strip_resampler import STRIP_ROWS, StripResampler

Pixels = npt.NDArray[np.float32]

_WINDOW: Final = (5, 5)
_EPSILON: Final = 1e-4  # below this variance (sRGB codes, 0 to 1) a window counts as flat
_OFFSET: Final = 0.02  # stabilises the ratio of means in the dark
_MAX_RATIO: Final = 2.0
_MAX_SLOPE: Final = 3.0


def transfer(
    image: Codes,
    low_in: Pixels,
    low_out: Pixels,
    softness_px: float | None = None,
    *,
    alpha: Codes | None = None,
    mask: Codes | None = None,
    out: Codes | None = None,
) -> Codes:
    """Relight a photo like its small version, with all its detail.

    Args:
        image: uint8 or uint16 (H, W, 3), sRGB-like codes.
        low_in: float32 (h, w, 3), 0 to 1, the same picture as the network saw it; h / w
            may differ a little from H / W.
        low_out: float32 (h, w, 3), 0 to 1, the network's output for it.
        softness_px: standard deviation of the blur that the network adds, in pixels of
            `low_in`; None estimates it from this pair.
        alpha: (H, W), of the type of `image`: pixels that cannot be seen stay as they are.
        mask: uint8 or uint16 (H, W): where it is not white, the photo is mixed in again.
        out: where to put the result, contiguous; may be `image` itself. None makes a new array.

    Returns:
        (H, W, 3), of the type of `image`.
    """
    height_px, width_px = image.shape[:2]
    low_in, low_out, scale = _at_most(low_in, low_out, width_px, height_px)
    if softness_px is None:
        softness_px = estimate_softness(low_in, low_out)
    else:
        softness_px *= scale
    slope, base = coefficients(low_in, low_out, softness_px)
    base *= np.float32(np.iinfo(image.dtype).max)
    slopes = StripResampler(slope, width_px, height_px, cv2.INTER_LINEAR)
    bases = StripResampler(base, width_px, height_px, cv2.INTER_CUBIC)

    relit = np.empty_like(image, order="C") if out is None else out
    codes, answers = image.reshape(height_px, -1), relit.reshape(height_px, -1)  # (H, W * 3)
    depth = cv2.CV_8U if image.dtype == np.uint8 else cv2.CV_16U
    for top in range(0, height_px, STRIP_ROWS):
        rows = slice(top, top + STRIP_ROWS)
        shaded = slopes.strip(top)
        own = None if alpha is None and mask is None else image[rows].copy()
        cv2.multiply(codes[rows], shaded, dst=shaded, dtype=cv2.CV_32F)
        cv2.add(shaded, bases.strip(top), dst=answers[rows], dtype=depth)  # rounds and clips
        if own is not None and alpha is not None:
            np.copyto(relit[rows], own, where=alpha[rows, :, None] == 0)
        if own is not None and mask is not None:
            blend_masked(own, relit[rows], mask[rows])
    return relit


def coefficients(low_in: Pixels, low_out: Pixels, softness_px: float) -> tuple[Pixels, Pixels]:
    """Return the slope and the base of the local line from `low_in` to `low_out`.

    Args:
        low_in: float32 (h, w, 3), 0 to 1.
        low_out: the same.
        softness_px: standard deviation of the blur that the network adds.

    Returns:
        slope, 0 to 3, and base, both float32 (h, w, 3).
    """
    soft_in = _blur(low_in, softness_px)
    mean_in, mean_out = _box(soft_in), _box(low_out)
    # In place: a new array costs more page faults than its arithmetic takes time.
    scratch = soft_in * soft_in
    variance = _box(scratch)
    variance -= np.multiply(mean_in, mean_in, out=scratch)
    covariance = _box(np.multiply(soft_in, low_out, out=scratch))
    covariance -= np.multiply(mean_in, mean_out, out=scratch)
    mean_out += _OFFSET
    mean_in += _OFFSET
    mean_out /= mean_in
    ratio = np.clip(mean_out, 0, _MAX_RATIO, out=mean_out)
    ratio *= _EPSILON
    covariance += ratio
    variance += _EPSILON
    covariance /= variance
    slope = _box(np.clip(covariance, 0, _MAX_SLOPE, out=covariance))
    np.multiply(slope, soft_in, out=scratch)
    return slope, np.subtract(low_out, scratch, out=scratch)


def _box(x: Pixels) -> Pixels:
    return np.asarray(cv2.boxFilter(x, -1, _WINDOW, borderType=cv2.BORDER_REFLECT), np.float32)


def _blur(x: Pixels, sigma_px: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(x, (0, 0), sigma_px), np.float32) if sigma_px > 0 else x


def _resize(x: Pixels, size: tuple[int, int], method: int) -> Pixels:
    return np.asarray(cv2.resize(x, size, interpolation=method), np.float32)


def _at_most(
    low_in: Pixels, low_out: Pixels, width_px: int, height_px: int
) -> tuple[Pixels, Pixels, float]:
    """Shrink the pair if it is larger than the photo; also return the scale."""
    low_height, low_width = low_in.shape[:2]
    size = (min(width_px, low_width), min(height_px, low_height))
    if size == (low_width, low_height):
        return low_in, low_out, 1.0
    small_in, small_out = (_resize(x, size, cv2.INTER_AREA) for x in (low_in, low_out))
    return small_in, small_out, size[0] / low_width
