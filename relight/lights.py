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

import math
from dataclasses import dataclass
from typing import Final

DIRECTIONS: Final = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
VIDIT_TEMPERATURES_K: Final = (2500, 3500, 4500, 5500, 6500)
MIN_TEMPERATURE_K: Final = 2000
MAX_TEMPERATURE_K: Final = 12000
NEUTRAL_K: Final = 6500  # the white of sRGB: what a balanced photo counts as lit by

_MIRRORED: Final = dict(zip(DIRECTIONS, ("N", "NW", "W", "SW", "S", "SE", "E", "NE"), strict=True))


def azimuth_of(direction: str) -> float:
    """Return the azimuth of a compass point in degrees: 0 for N, 90 for E."""
    return 45.0 * DIRECTIONS.index(direction)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """One lamp of computed light, written `lamp;azimuth=90;elevation=35;...` (RFC 8941).

    Attributes:
        azimuth_deg: clockwise seen from above: 0 behind the scene, 90 at image right, 180 behind
            the camera, 270 at image left.
        elevation_deg: above the horizontal plane, 0 to 90.
        softness: 0 (hard lamp) to 1 (overcast).
        intensity_stops: -2 to 2; at 0 the photo keeps its mean luminance.
        temperature_k: colour temperature in kelvin, 2000 to 12000.
        color: `#rrggbb` in sRGB, instead of a temperature.
    """

    azimuth_deg: float
    elevation_deg: float
    softness: float
    intensity_stops: float = 0.0
    temperature_k: int = NEUTRAL_K
    color: str | None = None

    def __str__(self) -> str:
        values = (self.azimuth_deg, self.elevation_deg, self.softness, self.intensity_stops)
        names = ("azimuth", "elevation", "softness", "intensity")
        given = [f"{n}={_decimal(v)}" for n, v in zip(names, values, strict=True)]
        hue = f'color="{self.color}"' if self.color else f"temperature={self.temperature_k}"
        return ";".join(["lamp", *given, hue])

    @property
    def vector(self) -> tuple[float, float, float]:
        """The unit vector to the lamp: x right, y up, z to the viewer.

        Mirrored azimuths of a millionth of a degree give vectors that differ in the sign of x
        alone, to the last bit.
        """
        azimuth_deg = self.azimuth_deg % 360
        signed_deg = azimuth_deg - 360 if azimuth_deg > 180 else azimuth_deg
        around = math.radians(round(signed_deg, 6))  # 360 - 0.1 is not -0.1 to the last bit
        above = math.radians(self.elevation_deg)
        flat = math.cos(above)
        return flat * math.sin(around), math.sin(above), -flat * math.cos(around)

    @classmethod
    def parse(cls, text: str) -> Lamp:
        """Read a lamp as it is written.

        Raises:
            ValueError: the text has another form.
        """
        kind, *pairs = [part.strip() for part in text.split(";")]
        values = dict(pair.split("=", 1) for pair in pairs)
        try:
            if kind != "lamp":
                raise ValueError(f"{text!r} is no lamp")
            return cls(
                azimuth_deg=float(values["azimuth"]),
                elevation_deg=float(values["elevation"]),
                softness=float(values["softness"]),
                intensity_stops=float(values["intensity"]),
                temperature_k=NEUTRAL_K if "color" in values else int(values["temperature"]),
                color=values["color"].strip('"') if "color" in values else None,
            )
        except KeyError as error:
            raise ValueError(f"{text!r} lacks {error.args[0]!r}") from None


@dataclass(frozen=True, slots=True)
class Lamps:
    """All lamps that light a photo; written with commas between them."""

    lamps: tuple[Lamp, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.lamps))


def parse_light(text: str) -> Light | Lamps:
    """Read what `X-Light` says: `E-4500`, or lamps.

    Raises:
        ValueError: the text has another form.
    """
    if text.startswith("lamp"):
        return Lamps(tuple(map(Lamp.parse, text.split(","))))
    return Light.parse(text)


def _decimal(value: float) -> str:
    """Write a number with at most three decimals, as RFC 8941 has them, and no exponent."""
    rounded = round(value, 3) + 0.0  # no minus sign before a zero
    return f"{rounded:.3f}".rstrip("0").rstrip(".")
