"""Parses the `lights` of a request: up to four lamps, each an object of JSON."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from relight.lights import (
    MAX_TEMPERATURE_K,
    MIN_TEMPERATURE_K,
    NEUTRAL_K,
    Lamp,
    azimuth_of,
)
from relight.options import (
    DEFAULT_DIRECTION,
    MAX_ELEVATION_DEG,
    MAX_INTENSITY_STOPS,
    MAX_LAMPS,
    Direction,
)
from service.contract.pair import PairContract

COLOR_PATTERN: Final = "^#[0-9A-Fa-f]{6}$"


def _number(least: float, most: float) -> Any:
    return Field(None, ge=least, le=most, allow_inf_nan=False)


class LampOptions(BaseModel):
    """One lamp as a caller asks for it; what is left out is as the model has it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    direction: Direction | None = None
    azimuth: float | None = _number(0, 360)
    elevation: float | None = _number(0, MAX_ELEVATION_DEG)
    softness: float | None = _number(0, 1)
    intensity: float | None = _number(-MAX_INTENSITY_STOPS, MAX_INTENSITY_STOPS)
    temperature: int | None = _number(MIN_TEMPERATURE_K, MAX_TEMPERATURE_K)
    lamp_color: str | None = Field(None, pattern=COLOR_PATTERN)

    @model_validator(mode="after")
    def _stands_in_one_place(self) -> Self:
        if self.direction is not None and self.azimuth is not None:
            raise ValueError("azimuth already says where the light comes from")
        return self

    @model_validator(mode="after")
    def _has_one_color(self) -> Self:
        if self.lamp_color is not None:
            check_color(self.lamp_color, self.temperature)
        return self

    def lamp(self, model: PairContract) -> Lamp:
        """Return the lamp, with the model's own values where nothing was asked for."""
        azimuth = azimuth_of(self.direction or DEFAULT_DIRECTION)
        return Lamp(
            azimuth_deg=(azimuth if self.azimuth is None else self.azimuth) % 360,
            elevation_deg=model.elevation_deg if self.elevation is None else self.elevation,
            softness=model.softness if self.softness is None else self.softness,
            intensity_stops=self.intensity or 0.0,
            temperature_k=self.temperature or NEUTRAL_K,
            color=self.lamp_color and self.lamp_color.lower(),
        )


def check_color(lamp_color: str, temperature: int | None) -> None:
    """Refuse a colour that no lamp has.

    Raises:
        ValueError: it is black, or the lamp has a temperature as well.
    """
    if temperature is not None:
        raise ValueError("`lamp_color` already gives the colour of the lamp")
    if lamp_color == "#000000":
        raise ValueError("`lamp_color` is black, which is no light: lower `intensity` instead")


_LAMPS: Final = TypeAdapter(
    Annotated[tuple[LampOptions, ...], Field(min_length=1, max_length=MAX_LAMPS)]
)


def parse_lamps(text: str) -> tuple[LampOptions, ...]:
    """Read the lamps of a request.

    Args:
        text: JSON such as `[{"azimuth": 60, "temperature": 3200}, {"direction": "W"}]`.

    Raises:
        ValueError: it is no list of one to four lamps; the text says which value is wrong.
    """
    try:
        return _LAMPS.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        where = f"`lights` at {place}" if place else "`lights`"
        raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None
