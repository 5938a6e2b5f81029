"""Lamps that stand near: their light fades with distance, and its direction varies.

Scenes are rendered with far lamps. The light of a near lamp in the same direction is computed from
the far lamp's light and the places of the surfaces; shadows stay those of the far lamp.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from model_export.networks.near_lamp import LEAST_SQUARED_DISTANCE, MAX_RELIEF
from model_export.streaming.crops import Crop, Plane

_LEAST_COSINE: Final = 0.1  # below it, the far lamp's light says little of a near one's
_MAX_RATIO: Final = 3.0  # of the cosines to the near lamp and to the far one


def near_light(crop: Crop, direction: NDArray[np.float32], nearness: float) -> Plane:
    """Return what makes a far lamp's light a near one's, a factor (s, s, 1); 1 for nearness 0.

    Args:
        crop: the view.
        direction: (3,), unit vector to the lamp.
        nearness: 1 over the lamp's distance from the view's centre, in units of half its side.
    """
    if not nearness:
        return np.ones_like(crop.relief)
    towards = direction - np.float32(nearness) * _places(crop)  # (s, s, 3)
    squared = (towards**2).sum(-1, keepdims=True).clip(LEAST_SQUARED_DISTANCE)
    near = (crop.normals * towards).sum(-1, keepdims=True) / np.sqrt(squared)
    far = (crop.normals @ direction)[..., None].clip(0)
    ratio = ((near + _LEAST_COSINE) / (far + _LEAST_COSINE)).clip(0, _MAX_RATIO)
    return np.asarray(ratio / squared, np.float32)


def _places(crop: Crop) -> Plane:
    """Return where each pixel's surface is, (s, s, 3): x right, y up, z towards the viewer."""
    size_px = len(crop.relief)
    steps = ((np.arange(size_px, dtype=np.float32) + 0.5) / size_px * 2 - 1)[None]
    x = np.broadcast_to(steps, (size_px, size_px))
    z = (crop.relief[..., 0] - crop.relief.mean()).clip(-MAX_RELIEF, MAX_RELIEF)
    return np.stack([x, -x.T, z], axis=-1)
