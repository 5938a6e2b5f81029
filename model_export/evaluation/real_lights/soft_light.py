"""Composes a set's scene in soft light and before bright surroundings, as in ordinary photos.

Light adds, so the mean of the photos under each lamp shows the scene under all of them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

from model_export.evaluation.real_lights.sets import LitSet, Mask, Pixels
from service.contract.color import LUMINANCE, linear_to_srgb, srgb_to_linear

LEAST_LAMPS: Final = 5  # fewer do not make soft light

_HIGHLIGHT: Final = 0.8  # linear luminance of the object at its 98th percentile
_SURROUNDINGS: Final = 0.45  # linear light, their median
_SURROUNDINGS_SPREAD: Final = 0.25  # standard deviation of their logarithm
_NUM_PATCHES: Final = 6  # of the surroundings, a side
_EDGE_PX: Final = 1.0  # standard deviation of the blur of the object's outline

Linear = npt.NDArray[np.float64]  # (h, w, 3), linear light


class SoftPhotos(NamedTuple):
    """The scene of a set in soft light.

    Attributes:
        alone: under the mean of all its lamps, each made as bright on the object.
        before_bright: the same object before a bright, blurred backdrop of pale colours.
    """

    alone: Pixels
    before_bright: Pixels


def in_soft_light(lit: LitSet) -> SoftPhotos:
    """Return the scene of a set in soft light, both float32 (h, w, 3), sRGB codes 0 to 1."""
    linear = [srgb_to_linear(lit.pictures[name].astype(np.float64)) for name in lit.lights]
    mean = np.mean([p / max((p @ LUMINANCE)[lit.mask].mean(), 1e-3) for p in linear], axis=0)
    mean *= _HIGHLIGHT / np.quantile((mean @ LUMINANCE)[lit.mask], 0.98)
    outline = gaussian_filter(lit.mask.astype(np.float64), _EDGE_PX, mode="mirror", radius=3)
    share = outline[..., None]
    return SoftPhotos(_srgb(mean), _srgb(mean * share + _backdrop(lit.mask) * (1 - share)))


def _backdrop(mask: Mask) -> Linear:
    """Return surroundings of the size of the mask, the same for every set of that size."""
    shape = (_NUM_PATCHES, _NUM_PATCHES, 3)
    noise = np.random.default_rng(0).normal(0, _SURROUNDINGS_SPREAD, shape)
    patches = (_SURROUNDINGS * np.exp(noise)).astype(np.float32)
    height_px, width_px = mask.shape
    channels = (Image.fromarray(patches[..., channel]) for channel in range(3))
    enlarged = [c.resize((width_px, height_px), Image.Resampling.BICUBIC) for c in channels]
    return np.stack([np.asarray(c, np.float64) for c in enlarged], axis=2)


def _srgb(linear: Linear) -> Pixels:
    return linear_to_srgb(np.clip(linear, 0, 1)).astype(np.float32)
