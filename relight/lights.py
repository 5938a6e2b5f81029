"""The vocabulary of lights: where a light stands and how warm it is.

Directions follow VIDIT (El Helou et al., "VIDIT: Virtual Image Dataset for Illumination
Transfer", 2020): the compass point that the light shines from, N behind the scene (away
from the camera), E at image right.

              N   behind the scene
          NW     NE
        W    photo   E   image right
          SW     SE
              S   behind the camera
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DIRECTIONS: Final = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
VIDIT_TEMPERATURES_K: Final = (2500, 3500, 4500, 5500, 6500)
MIN_TEMPERATURE_K: Final = 2000
MAX_TEMPERATURE_K: Final = 12000

_MIRRORED: Final = dict(zip(DIRECTIONS, ("N", "NW", "W", "SW", "S", "SE", "E", "NE"), strict=True))


def mirror_direction(direction: str) -> str:
    """Return the direction that `direction` becomes when the picture is flipped left-right."""
    return _MIRRORED[direction]


@dataclass(frozen=True, slots=True, order=True)
class Light:
    """One light, written `E-4500`.

    Attributes:
        direction: compass point that the light shines from, one of `DIRECTIONS`.
        temperature_k: colour temperature in kelvin, 2000 to 12000.
    """

    direction: str
    temperature_k: int

    def __post_init__(self) -> None:
        """Refuse a light outside the vocabulary."""
        if self.direction not in DIRECTIONS:
            raise ValueError(f"direction {self.direction!r} is not one of {', '.join(DIRECTIONS)}")
        if not MIN_TEMPERATURE_K <= self.temperature_k <= MAX_TEMPERATURE_K:
            raise ValueError(
                f"{self.temperature_k} K is outside {MIN_TEMPERATURE_K} to {MAX_TEMPERATURE_K} K"
            )

    def __str__(self) -> str:
        return f"{self.direction}-{self.temperature_k}"

    @property
    def mirrored(self) -> Light:
        """The light that this one becomes when the picture is flipped left-right."""
        return Light(mirror_direction(self.direction), self.temperature_k)

    @classmethod
    def parse(cls, text: str) -> Light:
        """Read a light written as `E-4500`.

        Raises:
            ValueError: the text has another form, or names a light outside the vocabulary.
        """
        direction, dash, kelvin = text.partition("-")
        if not dash or not (kelvin.isascii() and kelvin.isdecimal()):
            raise ValueError(f"{text!r} is not of the form 'E-4500'")
        return cls(direction, int(kelvin))
