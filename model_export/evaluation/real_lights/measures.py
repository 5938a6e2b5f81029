"""Measures how well a relit photo shows the requested light, compared with the true photo.

Exposure does not count: PSNR is measured after the best gain, and a gain does not change the
other measures.
They compare changes of light: the logarithm of a ratio of two pictures' luminance in linear light,
blurred inside the mask by 1/64 of the longer side and not below 1/64 of white.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize_scalar

from model_export.evaluation.real_lights.sets import Mask, Pixels
from service.contract.color import LUMINANCE, linear_to_srgb, srgb_to_linear

Plane = npt.NDArray[np.float64]  # (h, w)
Values = npt.NDArray[np.float64]  # (n,), one for each pixel of the mask

_DARKEST: Final = 1 / 64  # of white; below it a ratio is noise
_BLUR_SHARE: Final = 1 / 64  # of the longer side, standard deviation
_FLAT: Final = 1e-9  # variance of a logarithm below which nothing has changed
_STOPS: Final = np.arange(-6, 6.01, 0.25)  # gains to look at first, as powers of two
_NUM_SAMPLES: Final = 4096  # pixels that the gain is found on
_LEAST_BACKGROUND: Final = 0.02  # of the object's brightness; less is taken for black
_LEAST_BACKGROUND_SHARE: Final = 0.1  # of the picture, to measure fog at all


@dataclass(frozen=True, slots=True)
class Change:
    """How the light moved, compared with the true photo; all 0 if it did not move.

    Attributes:
        direction: correlation of log(output / input) with log(target / input). 1: as in the
            true photo; 0: unrelated; below 0: to the other side.
        local: the same after the best plane is taken from both, so that a brightness ramp over
            the picture counts for nothing.
        amount: regression slope of the first on the second. 1: moved as far as it should.
    """

    direction: float
    local: float
    amount: float


@dataclass(frozen=True, slots=True)
class Contrast:
    """How two answers, from E and from W, differ, compared with the true photos.

    Attributes:
        r: correlation of log(E / W) of the answers with that of the true photos, after the best
            plane is taken from both; 0 where the answers are equal.
        slope: regression slope of the first on the second. 1: as strong as in the true photos.
    """

    r: float
    slope: float


def luminance(srgb: Pixels) -> Plane:
    """Return the luminance of a picture (h, w, 3) in linear light, float64 (h, w)."""
    return np.asarray(srgb_to_linear(srgb.astype(np.float64)) @ LUMINANCE)


def smooth_luminance(srgb: Pixels, mask: Mask) -> Plane:
    """Return the blurred luminance, (h, w), at least 1/64; only pixels of the mask count."""
    sigma_px = max(mask.shape) * _BLUR_SHARE

    def blur(plane: Plane) -> Plane:
        radius_px = max(1, math.ceil(3 * sigma_px))
        return np.asarray(gaussian_filter(plane, sigma_px, mode="mirror", radius=radius_px))

    weight = mask.astype(np.float64)
    blurred = blur(luminance(srgb) * weight) / np.maximum(blur(weight), 1e-6)
    return np.maximum(blurred, _DARKEST)


def psnr_after_gain(output: Pixels, target: Pixels, mask: Mask) -> float:
    """Return the PSNR in dB over the mask, of sRGB codes, after the best gain in linear light."""
    linear = srgb_to_linear(output[mask].astype(np.float64))  # (n, 3)
    codes = target[mask].astype(np.float64)
    step = max(1, len(linear) // _NUM_SAMPLES)

    def error(stops: float, step: int = step) -> float:
        lit = linear_to_srgb(np.clip(linear[::step] * 2.0**stops, 0, 1))
        return float(np.mean((lit - codes[::step]) ** 2))

    nearest = int(np.argmin([error(stops) for stops in _STOPS]))
    bounds = (_STOPS[max(nearest - 1, 0)], _STOPS[min(nearest + 1, len(_STOPS) - 1)])
    best = minimize_scalar(error, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return 10 * math.log10(1 / max(error(best.x, step=1), 1e-10))


def change_of_light(photo: Pixels, output: Pixels, target: Pixels, mask: Mask) -> Change:
    """Return how `output` changed the light of `photo` against how `target` did."""
    before, after, wanted = (smooth_luminance(p, mask) for p in (photo, output, target))
    moved, should = np.log(after / before)[mask], np.log(wanted / before)[mask]
    moved, should = moved - moved.mean(), should - should.mean()
    local = _correlation(_beyond_plane(moved, mask), _beyond_plane(should, mask))
    return Change(_correlation(moved, should), local, _slope(moved, should))


def contrast(shown: Sequence[Pixels], true: Sequence[Pixels], mask: Mask) -> Contrast:
    """Return how two answers, E and W, differ against how the two true photos do."""
    differences = []
    for pictures in (shown, true):
        east, west = (smooth_luminance(picture, mask) for picture in pictures)
        differences.append(_beyond_plane(np.log(east / west)[mask], mask))
    return Contrast(_correlation(*differences), _slope(*differences))


def fog(photo: Pixels, output: Pixels, object_mask: Mask | None) -> float | None:
    """Return how many times brighter the background became against the object.

    None where no mask is given or the background is under a tenth of the picture.
    """
    if object_mask is None or (~object_mask).mean() <= _LEAST_BACKGROUND_SHARE:
        return None

    def share(picture: Pixels) -> float:
        light = luminance(picture)
        return float(light[~object_mask].mean() / max(light[object_mask].mean(), 1e-6))

    return share(output) / max(share(photo), _LEAST_BACKGROUND)


def _correlation(a: Values, b: Values) -> float:
    """Return Pearson's r of two lists of mean 0; 0 where one of them is flat."""
    variances = float((a * a).mean()), float((b * b).mean())
    if min(variances) <= _FLAT:
        return 0.0
    return float((a * b).mean()) / math.sqrt(variances[0] * variances[1])


def _slope(a: Values, b: Values) -> float:
    """Return the regression slope of `a` on `b`, both of mean 0; 0 where `b` is flat."""
    variance = float((b * b).mean())
    return float((a * b).mean()) / variance if variance > _FLAT else 0.0


def _beyond_plane(values: Values, mask: Mask) -> Values:
    """Return what the best plane over the mask leaves of the values."""
    y, x = np.nonzero(mask)
    plane = np.stack([np.ones(len(x)), x / mask.shape[1], y / mask.shape[0]], axis=1)  # (n, 3)
    return np.asarray(values - plane @ np.linalg.lstsq(plane, values, rcond=None)[0])
