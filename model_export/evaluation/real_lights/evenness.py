"""Measures whether an even picture stays even, without blots.

A wall, a sky or a sheet of paper may become brighter towards the lamp, smoothly. Anything else is
a blot. The test pictures are synthetic: plain greys, gentle gradients, and fine and coarse noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from model_export.evaluation.real_lights.measures import smooth_luminance
from model_export.evaluation.real_lights.sets import Pixels

_SIZE_PX: Final = (192, 256)  # height and width


def even_pictures() -> Mapping[str, Pixels]:
    """Return the pictures by name, float32 (192, 256, 3), sRGB codes 0 to 1."""
    height_px, width_px = _SIZE_PX
    y, x = np.mgrid[-1 : 1 : height_px * 1j, -1 : 1 : width_px * 1j]
    grain = np.random.default_rng(0).normal(0, 1, _SIZE_PX)

    def noise(sigma_px: float) -> npt.NDArray[np.float64]:
        smooth = gaussian_filter(grain, sigma_px)
        return np.asarray(0.5 + 0.06 * smooth / smooth.std())

    codes = {
        "dark grey": np.full(_SIZE_PX, 0.25),
        "grey": np.full(_SIZE_PX, 0.5),
        "light grey": np.full(_SIZE_PX, 0.75),
        "gradient across": 0.55 + 0.15 * x,
        "gradient upwards": 0.55 - 0.15 * y,
        "gradient from the centre": 0.65 - 0.1 * (x**2 + y**2),
        "fine noise": noise(0.7),
        "coarse noise": noise(3.0),
    }
    return {
        name: np.repeat(plane[..., None], 3, axis=2).astype(np.float32)
        for name, plane in codes.items()
    }


def unevenness(photo: Pixels, output: Pixels) -> float:
    """Return the standard deviation of log(output / photo) that a quadratic fit leaves.

    0 for an output that differs by a smooth gradient alone; .1 is a blot of some 10 %.

    Args:
        photo: an even picture, float32 (h, w, 3), sRGB codes 0 to 1.
        output: the same, relit.
    """
    everywhere = np.ones(photo.shape[:2], bool)
    before, after = smooth_luminance(photo, everywhere), smooth_luminance(output, everywhere)
    moved = np.log(after / before).ravel()
    height_px, width_px = photo.shape[:2]
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : height_px * 1j, -1 : 1 : width_px * 1j])
    terms = np.stack([np.ones(len(x)), x, y, x * x, x * y, y * y])  # (6, n)
    fit = terms.T @ np.linalg.solve(terms @ terms.T, terms @ moved)
    return float(np.std(moved - fit))
