"""From scene light to pictures, as a game engine's camera makes them.

linear light * exposure -> ACES filmic curve -> sRGB -> 8 bits
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_export.scenes.description import FloatArray
from model_export.scenes.names import LAMP_TEMPERATURE_K
from model_export.scenes.rendering import Frames
from service.contract.color import aces, blackbody_rgb, linear_to_srgb

MIN_LIT_SHARE = 0.25
MAX_NEAR_SHARE = 0.12
NEAR_M = 0.7
_LOG2_EXPOSURE_RANGE = (-6.0, 16.0)


def is_usable(frames: Frames) -> bool:
    """Tell whether every lamp lights a fair part of the picture and nothing blocks the camera."""
    lit_share = (frames.lamps.sum(axis=-1) > 0).mean(axis=(1, 2))
    near = (frames.distance_m > 0) & (frames.distance_m < NEAR_M)
    return bool(lit_share.min() >= MIN_LIT_SHARE and near.mean() <= MAX_NEAR_SHARE)


def tone_map(frames: Frames, mean_level: float) -> NDArray[np.uint8]:
    """Turn light into eight pictures under one exposure.

    Args:
        frames: what the renderer gives.
        mean_level: mean 8-bit level over all eight pictures.

    Returns:
        (8, h, w, 3) uint8, sRGB, lit at `LAMP_TEMPERATURE_K`.
    """
    gain = blackbody_rgb(LAMP_TEMPERATURE_K).astype(np.float32)
    light = (frames.lamps * gain + frames.ambient).astype(np.float32)
    exposure = np.float32(_exposure(light[:, ::3, ::3], mean_level))
    return np.asarray(np.round(255 * linear_to_srgb(aces(light * exposure))), dtype=np.uint8)


def _exposure(light: FloatArray, mean_level: float) -> float:
    """Find by bisection the factor that gives the pictures their mean level."""
    low, high = _LOG2_EXPOSURE_RANGE
    for _ in range(16):
        middle = (low + high) / 2
        level = 255 * float(linear_to_srgb(aces(light * np.float32(2**middle))).mean())
        low, high = (middle, high) if level < mean_level else (low, middle)
    return float(2 ** ((low + high) / 2))
