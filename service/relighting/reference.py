"""Estimates the dominant light of a photo from what a scene graph reads in it.

    s = a o + max(n . g, 0)     s shading, o occlusion, n normals, over the whole picture

Least squares give a, the light from all around, and g, which points to the lamp; which pixels the
lamp lights is found by turns (Lambert's law; no cast shadows). Then the brightest of those that it
lights do not count: they are highlights. How much of the light is directed gives the softness.

The colour is that of the lit pixels by shades of grey (Finlayson and Trezzi 2004): it is as true
as the photo is grey on the whole, and as the camera's white balance lets it be.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relight.errors import LightUnreadable
from relight.lights import MAX_TEMPERATURE_K, MIN_TEMPERATURE_K, NEUTRAL_K, Lamp
from service.contract.color import LUMINANCE, srgb_to_linear, temperature_gain
from service.contract.pair import PairContract
from service.inference.session import Tensors

_DARK: Final = 0.02  # of linear luminance: too dark for the network to read its light
_NUM_TURNS: Final = 8
_HIGHLIGHTS: Final = 0.05  # of the lit pixels, those with the brightest shading
_LEAST_EXPLAINED: Final = 0.05  # of the variance of the shading
_EVEN: Final = 1e-4  # a variance of the shading that is none
_LEAST_DIRECTED: Final = 0.08  # of the light
_LEAST_PIXELS: Final = 64
_NORM: Final = 6  # of shades of grey
_STEP_MIRED: Final = 2.0


def read_lamp(
    srgb: NDArray[np.float32], scene: Tensors, model: PairContract, *, mirrored: bool
) -> Lamp:
    """Return the lamp that lights a photo most.

    Args:
        srgb: float32 (h, w, 3), the small photo, 0 to 1.
        scene: outputs of the scene graph for it: `normals`, `log_shading`, `occlusion`,
            `relightable`.
        model: of the scene; its ambient share says what a soft lamp is.
        mirrored: whether the small photo is the mirror image of the photo.

    Raises:
        LightUnreadable: the shading shows no direction.
    """
    linear = srgb_to_linear(srgb)
    weight = scene["relightable"].astype(np.float64) * (linear @ LUMINANCE > _DARK)
    normals, shading, occlusion = (
        scene["normals"].astype(np.float64),
        np.exp(scene["log_shading"].astype(np.float64)),
        scene["occlusion"].astype(np.float64),
    )
    sure = weight > 0.5
    if sure.sum() < _LEAST_PIXELS:
        raise LightUnreadable("the reference shows too little that a lamp lights")
    lit = np.ones(shading.shape, bool)
    lamp, around = _fit(normals, shading, occlusion, weight, lit)
    lit = normals @ lamp > 0
    if (sure & lit).any():
        weight = weight * (shading <= np.quantile(shading[sure & lit], 1 - _HIGHLIGHTS))
        lamp, around = _fit(normals, shading, occlusion, weight, lit)
    directed = np.maximum(normals @ lamp, 0)
    strength = float(np.linalg.norm(lamp))
    share = strength / (strength + around + 1e-9)
    explained = _explained(shading, directed + around * occlusion, weight)
    if share < _LEAST_DIRECTED or explained < _LEAST_EXPLAINED:
        raise LightUnreadable("the reference is not lit from a single direction")
    right, up, near = lamp / strength * ([-1, 1, 1] if mirrored else [1, 1, 1])
    hard = share / (1 - model.ambient) if model.ambient < 1 else 1.0
    return Lamp(
        azimuth_deg=round(math.degrees(math.atan2(right, -near)) % 360, 1),
        elevation_deg=round(min(90.0, max(0.0, math.degrees(math.asin(up)))), 1),
        softness=round(math.sqrt(1 - min(1.0, hard)), 2),
        temperature_k=_temperature_k(linear, weight * directed),
    )


def _fit(
    normals: NDArray[Any],
    shading: NDArray[Any],
    occlusion: NDArray[Any],
    weight: NDArray[Any],
    lit: NDArray[Any],
) -> tuple[NDArray[Any], float]:
    """Return g, (3,), and a; `lit` is a first guess of where the lamp shines."""
    root = np.sqrt(weight).ravel()
    towards, wanted = normals.reshape(-1, 3), shading.ravel() * root
    lit = lit.ravel()
    lamp, around = np.zeros(3), 0.0
    for _ in range(_NUM_TURNS):
        columns = np.column_stack([towards * lit[:, None], occlusion.ravel()]) * root[:, None]
        *found, around = np.linalg.lstsq(columns, wanted, rcond=None)[0]
        if around < 0:  # light from around is never taken away
            found, around = np.linalg.lstsq(columns[:, :3], wanted, rcond=None)[0], 0.0
        lamp = np.asarray(found)
        now = towards @ lamp > 0
        if (now == lit).all():
            break
        lit = now
    return lamp, float(around)


def _explained(truth: NDArray[Any], fitted: NDArray[Any], weight: NDArray[Any]) -> float:
    """Return the share of the variance that is explained, at most 1; 0 where there is none."""
    mean = np.average(truth, weights=weight)
    variance = np.average((truth - mean) ** 2, weights=weight)
    if variance < _EVEN:
        return 0.0
    return float(1 - np.average((truth - fitted) ** 2, weights=weight) / variance)


def _temperature_k(linear: NDArray[np.float32], weight: NDArray[Any]) -> int:
    """Return the temperature whose red to blue is nearest to that of the lit pixels."""
    mean = np.average(linear.reshape(-1, 3) ** _NORM, axis=0, weights=weight.ravel() + 1e-12)
    wanted = math.log((mean[0] + 1e-12) / (mean[2] + 1e-12)) / _NORM
    mireds = np.arange(1e6 / MAX_TEMPERATURE_K, 1e6 / MIN_TEMPERATURE_K, _STEP_MIRED)
    kelvins = np.clip(np.rint(1e6 / mireds), MIN_TEMPERATURE_K, MAX_TEMPERATURE_K).astype(int)
    gains = [temperature_gain(NEUTRAL_K, int(kelvin)) for kelvin in kelvins]
    off = [abs(math.log(gain[0] / gain[2]) - wanted) for gain in gains]
    return int(round(kelvins[int(np.argmin(off))], -1))
