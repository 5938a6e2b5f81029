"""Gives a scene's surfaces other colours, and leaves its lamp as it is.

In scene-linear light a matte surface's radiance is its reflectance times the lamp's colour. To
turn the hue of all reflectances, the lamp is divided out before the turn and multiplied in again
behind it: the same paint then serves the scene under every lamp.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.contract.color import blackbody_rgb

Matrix = npt.NDArray[np.float64]

_GREY_AXIS = np.full(3, 1 / math.sqrt(3))


@dataclass(frozen=True, slots=True)
class Paint:
    """A change of all reflectances of a scene that keeps greys grey.

    Attributes:
        hue_degrees: turn of the hue about the grey axis.
        saturation: factor of the distance from grey; 0: grey, 1: unchanged.
    """

    hue_degrees: float = 0.0
    saturation: float = 1.0

    def matrix(self, temperature_k: int) -> Matrix:
        """Return what repaints the scene-linear light of a lamp of that temperature, (3, 3).

        What it makes negative is black.
        """
        lamp = blackbody_rgb(temperature_k)
        return np.asarray(lamp[:, None] * self._reflectance_matrix() / lamp)

    def _reflectance_matrix(self) -> Matrix:
        """Return the change of a reflectance: Rodrigues' rotation, then a mix with its mean."""
        angle = math.radians(self.hue_degrees)
        x, y, z = _GREY_AXIS
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        along = np.outer(_GREY_AXIS, _GREY_AXIS)
        across = np.eye(3) - along
        turned = along + math.cos(angle) * across + math.sin(angle) * cross
        mixed: Matrix = along + self.saturation * (turned - along)
        return mixed
