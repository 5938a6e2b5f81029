"""Composes the photo under lamps whose light was computed, in linear light.

    E = sum_i g_i c_i E_i                                     light that arrives, (h, w, 3)
    L = a occlusion + (1 - a) E                               with what comes from all sides
    Y = X exp(v (log max(L, 1e-3) - d log_shading + r + u))   X photo, v relightable, r residual

The change is a factor: black stays black, and hue and texture are the photo's. Where the photo is
nearly black, v is small, and colour is brightened less than luminance: the codes there are noise,
which a large factor would show as blots of colour. One u for the whole picture keeps its mean
luminance where every lamp stands at 0 stops; a lamp of another intensity makes the picture brighter
or darker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from relight.lights import NEUTRAL_K
from service.contract.color import (
    LUMINANCE,
    linear_to_srgb,
    shoulder,
    srgb_to_linear,
    temperature_gain,
)

Pixels = NDArray[np.float32]

_LEAST_LIGHT: Final = np.float32(1e-3)
_MAX_CHANGE: Final = 6.0  # of the logarithm; a factor of 400
_MAX_GAIN: Final = 3.0  # of the logarithm; a factor of 20
_MAX_CHANNEL: Final = 3.0  # of a lamp's colour
_NUM_STEPS: Final = 8
_ENOUGH: Final = 1e-4  # of the logarithm of the mean luminance
_DARK: Final = np.float32(0.001)  # linear luminance at which noise halves the change
_COLOR_NOISE: Final = np.float32(0.004)  # brightest linear channel at which noise halves its gain
_NOISE_SIGMA_PX: Final = 1.5  # of the blur before a pixel counts as dark


@dataclass(frozen=True, slots=True, eq=False)
class LampLight:
    """The light of one lamp where it arrives.

    Attributes:
        irradiance: (h, w), of a lamp of strength 1; >= 0.
        residual: (h, w), correction of the logarithm of the change.
        intensity_stops: strength of the lamp.
        temperature_k: its colour.
        srgb: its colour as `#rrggbb`, instead of a temperature.
    """

    irradiance: Pixels
    residual: Pixels
    intensity_stops: float = 0.0
    temperature_k: int = NEUTRAL_K
    srgb: str | None = None

    @property
    def gain(self) -> float:
        """Strength of the lamp."""
        return float(2**self.intensity_stops)

    @property
    def color(self) -> Pixels:
        """Its colour: linear RGB, (3,), of luminance 1 unless a channel would pass 3.

        Deep colours are therefore darker, as coloured filters are.
        """
        if self.srgb is not None:
            codes = np.array(list(bytes.fromhex(self.srgb[1:])), np.float32) / 255
            linear = srgb_to_linear(codes)
            luminance = float(linear @ LUMINANCE)
            most = max(luminance, float(linear.max()) / _MAX_CHANNEL)
            return np.asarray(linear / most, np.float32)
        return temperature_gain(NEUTRAL_K, self.temperature_k).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """A scene with the light that arrives in it.

    Attributes:
        scene: (h, w) `log_shading`, `occlusion` and `relightable`, of any floating type.
        lamps: one or more.
        ambient: share of the light that comes from all sides.
        removal: share of the photo's own light that is taken out.
        softness_px: blur that is added to the photo.
        temperature_k: temperature of the light, as the photo's own white has it.
    """

    scene: Mapping[str, NDArray[Any]]
    lamps: Sequence[LampLight]
    ambient: float
    removal: float
    softness_px: float = 0.0
    temperature_k: int = NEUTRAL_K

    def compose(self, original_srgb: Pixels) -> Pixels:
        """Return the photo under the lamps.

        Args:
            original_srgb: float32 (h, w, 3), sRGB codes 0 to 1.

        Returns:
            The same shape, sRGB codes 0 to 1.
        """
        original = srgb_to_linear(original_srgb)
        luminance = cv2.transform(original, LUMINANCE.astype(np.float32)[None])
        around = cv2.GaussianBlur(luminance, (0, 0), _NOISE_SIGMA_PX) ** 2
        relightable = self.scene["relightable"].astype(np.float32) * around / (around + _DARK**2)
        at_rest = self._change(_sum(lamp.irradiance[..., None] for lamp in self.lamps))
        gain = _keeping_gain(np.asarray(luminance, np.float32), at_rest[..., 0], relightable)
        change = at_rest
        if any(
            lamp.intensity_stops or lamp.srgb or lamp.temperature_k != NEUTRAL_K
            for lamp in self.lamps
        ):
            change = self._change(
                _sum(lamp.gain * lamp.color * lamp.irradiance[..., None] for lamp in self.lamps)
            )
        change = np.clip(change + gain, -_MAX_CHANGE, _MAX_CHANGE) * relightable[..., None]
        relit = _times(original, np.asarray(luminance, np.float32), np.exp(change))
        return linear_to_srgb(shoulder(original, relit))

    def _change(self, arriving: Pixels) -> Pixels:
        """Return the logarithm of the change of light, (h, w, 1 or 3), all but its gain."""
        ambient = np.float32(self.ambient)
        occlusion, own = (
            self.scene[name].astype(np.float32)[..., None] for name in ("occlusion", "log_shading")
        )
        light = ambient * occlusion + (1 - ambient) * arriving
        change = np.log(np.maximum(light, _LEAST_LIGHT)) - np.float32(self.removal) * own
        return np.asarray(change + self._residual()[..., None], np.float32)

    def _residual(self) -> Pixels:
        """Return the mean correction, (h, w), by how much light each lamp gives."""
        shares = np.array([x.gain * float(x.irradiance.mean()) for x in self.lamps]) + 1e-9
        weighted = zip(shares / shares.sum(), self.lamps, strict=True)
        return _sum(np.float32(share) * lamp.residual for share, lamp in weighted)


def _times(original: Pixels, luminance: Pixels, factor: Pixels) -> Pixels:
    """Return linear `original` times a factor that brightens the colour of black noise less.

    Args:
        original: (h, w, 3).
        luminance: (h, w), its own.
        factor: (h, w, 1 or 3).
    """
    channels = cv2.split(original)  # NumPy is slow over the last axis
    brightest = reduce(np.maximum, channels)
    brightest = cv2.GaussianBlur(brightest, (0, 0), _NOISE_SIGMA_PX) ** 2
    sure = (brightest / (brightest + _COLOR_NOISE**2))[..., None]
    gray = luminance[..., None]
    of_color = np.minimum(factor, 1 + (factor - 1) * sure)
    return np.asarray(gray * factor + (original - gray) * of_color, np.float32)


def _sum(terms: Iterable[Pixels]) -> Pixels:
    return reduce(np.add, terms)


def _keeping_gain(luminance: Pixels, change: Pixels, relightable: Pixels) -> np.float32:
    """Return the u for which the mean of luminance * exp(relightable (change + u)) stays.

    Newton's method on the logarithm of the mean, which is convex in u; all arrays are (h, w).
    """
    wanted = float(luminance.mean())
    moved = luminance * np.exp(relightable * np.clip(change, -_MAX_CHANGE, _MAX_CHANGE))
    gain = 0.0
    for _ in range(_NUM_STEPS):
        now = moved * np.exp(relightable * np.float32(gain))
        mean, slope = float(now.mean()), float((now * relightable).mean())
        if slope <= 1e-6 * mean or abs(np.log(mean / wanted)) < _ENOUGH:
            break
        step = np.log(wanted / mean) * mean / slope
        gain = float(np.clip(gain + step, -_MAX_GAIN, _MAX_GAIN))
    return np.float32(gain)
