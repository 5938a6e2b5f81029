"""The relighting methods to measure; each takes a light as a vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from model_export.evaluation.real_lights.lamps import RING, Vector
from model_export.evaluation.real_lights.sets import Pixels
from service.contract.color import linear_to_srgb, srgb_to_linear

_RAMP_DEPTH: Final = 0.7  # of the ramp, natural logarithm from the middle to the brightest edge


class RelightFrom(Protocol):
    """Relights a photo with a lamp at a vector."""

    def __call__(self, photo: Pixels, light: Vector, softness: float | None) -> Pixels:
        """Return the photo under the light.

        Args:
            photo: float32 (h, w, 3), sRGB codes 0 to 1.
            light: unit vector to the lamp; see `lamps`.
            softness: of the lamp, as the method has it; None: the method's own default.

        Returns:
            float32 (h, w, 3), sRGB codes 0 to 1, of the photo's size.
        """


@dataclass(frozen=True, slots=True)
class LightMethod:
    """One way to relight.

    Attributes:
        name: its name in tables and sheets.
        relight: the method.
        takes_any_light: whether it is asked for a real lamp by that lamp's own vector; else by
            the vector of the plain direction, E, W or S, that the lamp stands for.
        directions: the vectors that it takes for the eight directions.
    """

    name: str
    relight: RelightFrom
    takes_any_light: bool = False
    directions: Mapping[str, Vector] = field(default_factory=lambda: RING)

    def light_for(self, side: str, lamp: Vector | None = None) -> Vector:
        """Return the vector to ask with: the lamp's own, or that of the direction `side`."""
        return lamp if lamp is not None and self.takes_any_light else self.directions[side]


def _unchanged(photo: Pixels, light: Vector, softness: float | None) -> Pixels:
    return photo


def _ramp(photo: Pixels, light: Vector, softness: float | None) -> Pixels:
    """Darken the photo evenly away from the lamp; from N and S, downwards."""
    height_px, width_px = photo.shape[:2]
    if abs(light[0]) >= abs(light[2]):
        nearness = np.sign(light[0]) * np.linspace(-1, 1, width_px)[None, :, None]
    else:
        nearness = np.linspace(1, -1, height_px)[:, None, None]
    gain = np.exp(_RAMP_DEPTH * (nearness - 1))
    return linear_to_srgb(srgb_to_linear(photo) * gain.astype(np.float32))


UNCHANGED: Final = LightMethod("unchanged", _unchanged)
RAMP: Final = LightMethod("ramp", _ramp)
