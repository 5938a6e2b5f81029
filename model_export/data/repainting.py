"""Changes the colours of a scene's surfaces and keeps its lamp.

In scene-linear light a matte surface's radiance is its reflectance times the lamp's colour. To
rotate the hue of all reflectances, the lamp is divided out before the rotation and multiplied in
afterwards, so the same change applies to the scene under every lamp.
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
    """A change of all reflectances of a scene; greys stay grey.

    Attributes:
        hue_degrees: rotation of the hue about the grey axis.
        saturation: factor on the distance from grey; 0: grey, 1: unchanged.
    """

    hue_degrees: float = 0.0
    saturation: float = 1.0

    def matrix(self, temperature_k: int) -> Matrix:
        """Return the matrix for scene-linear light of a lamp of that temperature, (3, 3).

        Negative results mean black.
        """
        lamp = blackbody_rgb(temperature_k)
        return np.asarray(lamp[:, None] * self._reflectance_matrix() / lamp)

    def _reflectance_matrix(self) -> Matrix:
        """Return the matrix of the reflectances: Rodrigues' rotation, then a mix with the mean."""
        angle = math.radians(self.hue_degrees)
        x, y, z = _GREY_AXIS
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        along = np.outer(_GREY_AXIS, _GREY_AXIS)
        across = np.eye(3) - along
        turned = along + math.cos(angle) * across + math.sin(angle) * cross
        mixed: Matrix = along + self.saturation * (turned - along)
        return mixed
