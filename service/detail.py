"""Full-resolution detail for a picture that was relit at low resolution.

The network turns a small picture i into a small relit picture o. What it did is written
as a local line o = a i + b; both coefficients are enlarged and the line is applied to the
full-size photo I:

    O = up_linear(a) I + up_cubic(b),    b = o - a i_s

The slope a is that of a guided filter (He, Sun and Tang, "Guided Image Filtering", 2013)
of i against o, drawn towards the ratio of local means, o / i, where i is flat. It says
how strongly the photo's texture shows under the new light; in old shadow edges that the
network removed it falls to zero, so that they leave no ghost. The base b is never
smoothed: new shadows keep all the sharpness that o has.

i_s is i blurred as much as the network blurs, so that the detail that o lacks comes back.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from service.contract import MAX_SOFTNESS_PX
from service.enlargement import STRIP_ROWS, Enlarged
from service.imaging.photo import Codes

Pixels = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.float64]

_WINDOW: Final = (5, 5)
_EPSILON: Final = 1e-4  # below this variance (sRGB codes, 0 to 1) a window counts as flat
_OFFSET: Final = 0.02  # keeps the ratio of means calm in the dark
_MAX_RATIO: Final = 2.0
_MAX_SLOPE: Final = 3.0

# Centres of the bands of the cosine spectrum, in radians a pixel, up to the corner's.
_FREQUENCIES: Final[Spectrum] = (np.arange(256) + 0.5) * (np.pi * np.sqrt(2) / 256)


def transfer(
    image: Codes,
    low_in: Pixels,
    low_out: Pixels,
    softness_px: float | None = None,
    *,
    out: Codes | None = None,
) -> Codes:
    """Relight a photo as its small version was relit, with all its detail.

    Args:
        image: uint8 or uint16 (H, W, 3), sRGB-like codes.
        low_in: float32 (h, w, 3), 0 to 1, the same picture as the network saw it; h / w
            may differ a little from H / W.
        low_out: float32 (h, w, 3), 0 to 1, what the network made of it.
        softness_px: standard deviation of the blur that the network adds, in pixels of
            `low_in`; None estimates it from this pair.
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
    slopes = Enlarged(slope, width_px, height_px, cv2.INTER_LINEAR)
    bases = Enlarged(base, width_px, height_px, cv2.INTER_CUBIC)

    relit = np.empty_like(image, order="C") if out is None else out
    codes, answers = image.reshape(height_px, -1), relit.reshape(height_px, -1)  # (H, W * 3)
    depth = cv2.CV_8U if image.dtype == np.uint8 else cv2.CV_16U
    for top in range(0, height_px, STRIP_ROWS):
        rows = slice(top, top + STRIP_ROWS)
        shaded = slopes.strip(top)
        cv2.multiply(codes[rows], shaded, dst=shaded, dtype=cv2.CV_32F)
        cv2.add(shaded, bases.strip(top), dst=answers[rows], dtype=depth)  # rounds and clips
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
    variance = _box(soft_in * soft_in) - mean_in * mean_in
    covariance = _box(soft_in * low_out) - mean_in * mean_out
    ratio = np.clip((mean_out + _OFFSET) / (mean_in + _OFFSET), 0, _MAX_RATIO)
    fitted = (covariance + _EPSILON * ratio) / (variance + _EPSILON)
    slope = _box(np.clip(fitted, 0, _MAX_SLOPE))
    return slope, low_out - slope * soft_in


def estimate_softness(low_in: Pixels, low_out: Pixels) -> float:
    """Estimate how much the network blurs: the blur of its input that matches its output.

    Two pictures of one scene are taken to be equally sharp when a fine band (finer than
    1 px) and a coarse band (2 to 4 px) have energies in the same proportion. Energies are
    summed over the cosine spectrum, where a Gaussian blur is a mere factor.

    Args:
        low_in: float32 (h, w, 3), 0 to 1.
        low_out: the same.

    Returns:
        Standard deviation in pixels, 0 to 3; 0 when the output is no softer.
    """
    blurs = np.linspace(0, MAX_SOFTNESS_PX, 61)
    blurred_in = _spectrum(low_in) * np.exp(-np.square(blurs[:, None] * _FREQUENCIES))
    sharpness, wanted = _sharpness(blurred_in), _sharpness(_spectrum(low_out)[None])
    return float(np.interp(wanted[0], sharpness[::-1], blurs[::-1]))


def _box(x: Pixels) -> Pixels:
    return np.asarray(cv2.boxFilter(x, -1, _WINDOW, borderType=cv2.BORDER_REFLECT), np.float32)


def _blur(x: Pixels, sigma_px: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(x, (0, 0), sigma_px), np.float32) if sigma_px > 0 else x


def _resize(x: Pixels, size: tuple[int, int], method: int) -> Pixels:
    return np.asarray(cv2.resize(x, size, interpolation=method), np.float32)


def _at_most(
    low_in: Pixels, low_out: Pixels, width_px: int, height_px: int
) -> tuple[Pixels, Pixels, float]:
    """Shrink the pair where it is larger than the photo; return the scale, too."""
    low_height, low_width = low_in.shape[:2]
    size = (min(width_px, low_width), min(height_px, low_height))
    if size == (low_width, low_height):
        return low_in, low_out, 1.0
    small_in, small_out = (_resize(x, size, cv2.INTER_AREA) for x in (low_in, low_out))
    return small_in, small_out, size[0] / low_width


def _spectrum(x: Pixels) -> Spectrum:
    """Return the energy of luminance, less its mean, at each of `_FREQUENCIES`."""
    gray = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)
    odd_row, odd_column = (side % 2 for side in gray.shape)  # OpenCV's DCT wants even sides
    gray = cv2.copyMakeBorder(gray, 0, odd_row, 0, odd_column, cv2.BORDER_REFLECT)
    height_px, width_px = gray.shape
    energy = np.square(cv2.dct(gray - gray.mean()))
    rows, columns = np.arange(height_px) / height_px, np.arange(width_px) / width_px
    radius = np.hypot(rows[:, None], columns) / np.sqrt(2)  # 0 to 1
    bands = (radius * len(_FREQUENCIES)).astype(np.intp)
    sums = np.bincount(bands.ravel(), energy.ravel(), minlength=len(_FREQUENCIES))
    return sums.astype(np.float64)


def _sharpness(spectra: Spectrum) -> Spectrum:
    """Return log(fine / coarse) of spectra (n, bands); 0 for flat pictures."""
    # Sums, not products of matrices, which add up in another order for another n: equal pictures
    # are equally sharp to the last bit.
    fine = (spectra * np.square(1 - _low_pass(1))).sum(axis=1)
    coarse = (spectra * np.square(_low_pass(2) - _low_pass(4))).sum(axis=1)
    return np.asarray(np.log((fine + 1e-12) / (coarse + 1e-12)), np.float64)


def _low_pass(sigma_px: float) -> Spectrum:
    """Return what a Gaussian blur leaves of each of `_FREQUENCIES`."""
    return np.asarray(np.exp(-0.5 * np.square(sigma_px * _FREQUENCIES)), np.float64)
