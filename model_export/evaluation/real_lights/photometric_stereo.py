"""Surfaces of a still scene from photos under known lamps (Woodham 1980).

    luminance = albedo max(n.l, 0)

Three lamps that reach a matt point give its normal and albedo. Where there are more, the darkest
photos may show a shadow and saturated ones a highlight, so both count little.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from model_export.evaluation.real_lights.measures import Plane, luminance
from model_export.evaluation.real_lights.sets import LitSet, Pixels

NUM_LAMPS: Final = 6  # at least

_SHADOWED_SHARE: Final = 0.3  # of a pixel's photos, the darkest
_SATURATED: Final = 0.97  # luminance from which a photo says nothing
_LITTLE: Final = 0.05  # weight of what counts little
_DARKEST: Final = 1 / 256  # of white
_LOG_RANGE: Final = (-4.0, 2.0)


class Surfaces(NamedTuple):
    """What photometric stereo finds.

    Attributes:
        normals: (h, w, 3), unit vectors; x right, y up, z to the camera.
        albedo: (h, w), up to a factor.
    """

    normals: Pixels
    albedo: Plane

    def log_shading(self, photo: Pixels, lit: LitSet) -> Plane:
        """Return the log of the light that arrives in a photo, (h, w), mean 0 over the mask."""
        arriving = np.maximum(luminance(photo), _DARKEST) / np.maximum(self.albedo, 1e-3)
        log = np.log(arriving)
        return np.asarray((log - log[lit.mask].mean()).clip(*_LOG_RANGE))


def surfaces_of(lit: LitSet) -> Surfaces:
    """Return the surfaces of a set with at least six lamps."""
    names = list(lit.lights)
    lamps = np.stack([lit.lights[name] for name in names])  # (k, 3)
    seen = np.stack([luminance(lit.pictures[name]) for name in names])  # (k, h, w)
    rank = seen.argsort(axis=0).argsort(axis=0)
    poor = (rank < _SHADOWED_SHARE * len(names)) | (seen > _SATURATED)
    weight = np.where(poor, _LITTLE, 1.0)
    matrix = np.einsum("khw,ki,kj->hwij", weight, lamps, lamps) + 1e-4 * np.eye(3)
    right = np.einsum("khw,ki,khw->hwi", weight, lamps, seen)
    scaled = np.linalg.solve(matrix, right[..., None])[..., 0]
    albedo = np.linalg.norm(scaled, axis=-1) + 1e-6
    return Surfaces((scaled / albedo[..., None]).astype(np.float32), albedo)
