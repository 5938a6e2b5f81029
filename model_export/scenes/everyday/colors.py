"""Colours of surfaces, scene-linear: any, or those of a kind of material."""

from __future__ import annotations

import colorsys
from typing import Final

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Rng

# sRGB pairs between which a material's colour is drawn.
_RANGES: Final = {
    "skin": ((0.30, 0.19, 0.14), (0.93, 0.75, 0.65)),
    "hair": ((0.06, 0.045, 0.04), (0.62, 0.45, 0.27)),
    "wood": ((0.24, 0.15, 0.09), (0.80, 0.62, 0.42)),
    "leaf": ((0.10, 0.20, 0.05), (0.52, 0.62, 0.22)),
    "earth": ((0.22, 0.16, 0.11), (0.66, 0.55, 0.42)),
    "stone": ((0.25, 0.24, 0.23), (0.78, 0.75, 0.70)),
    "plaster": ((0.55, 0.45, 0.36), (0.95, 0.92, 0.86)),
    "brick": ((0.38, 0.18, 0.13), (0.72, 0.42, 0.30)),
    "bread": ((0.45, 0.25, 0.10), (0.87, 0.68, 0.42)),
    "fur": ((0.10, 0.07, 0.05), (0.85, 0.72, 0.58)),
    "white": ((0.80, 0.79, 0.77), (0.97, 0.97, 0.96)),
    "grey": ((0.12, 0.12, 0.12), (0.80, 0.80, 0.80)),
}
MATERIALS: Final = tuple(_RANGES)


def linear(srgb: FloatArray) -> FloatArray:
    """Undo sRGB's curve (IEC 61966-2-1) for values in [0, 1]."""
    srgb = np.asarray(srgb, dtype=float)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def any_color(rng: Rng) -> FloatArray:
    """Draw an albedo (3,): dull more often than vivid, warm more often than cold."""
    saturation = rng.beta(1, 1.6) if rng.random() < 0.8 else 0.0
    hue = rng.random() if rng.random() < 0.6 else rng.normal(0.08, 0.05) % 1
    vivid = np.array(colorsys.hsv_to_rgb(hue, saturation, 1.0)) ** 1.5
    return np.asarray(vivid * rng.uniform(0.04, 0.9) ** rng.choice([1, 1, 1.5]))


def color_of(rng: Rng, material: str) -> FloatArray:
    """Draw an albedo (3,) of a material, one of `MATERIALS`."""
    dark, light = np.array(_RANGES[material])
    mixed = dark + (light - dark) * rng.beta(1.3, 1.3)
    return linear(np.clip(mixed * rng.normal(1, 0.04, 3), 0.01, 0.98))
