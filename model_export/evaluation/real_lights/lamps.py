"""The direction to a lamp, as a unit vector in the camera's frame: x right, y up, z to the viewer.

    l = (cos(el) sin(az), sin(el), -cos(el) cos(az))

az: azimuth, clockwise seen from above: 0 = N, behind the scene; 90 = E, image right; 180 = S.
el: elevation above the horizontal plane.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from relight.lights import DIRECTIONS

Vector = npt.NDArray[np.float64]  # (3,), of length 1

ELEVATION_DEG: Final = 45.0  # VIDIT's ring of lamps


def unit_vector(azimuth_deg: float, elevation_deg: float) -> Vector:
    """Return the unit vector to a lamp, shape (3,)."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    across, up = math.cos(elevation), math.sin(elevation)
    return np.array([across * math.sin(azimuth), up, -across * math.cos(azimuth)])


RING: Final = {name: unit_vector(45.0 * n, ELEVATION_DEG) for n, name in enumerate(DIRECTIONS)}


def nearest_direction(light: Vector) -> str:
    """Return the one of the eight directions whose lamp on VIDIT's ring is nearest to `light`."""
    return max(RING, key=lambda direction: float(RING[direction] @ light))
