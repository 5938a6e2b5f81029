"""The options of `POST /relight`, as query or form fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from relight.lights import (
    MAX_TEMPERATURE_K,
    MIN_TEMPERATURE_K,
    Lamp,
    Lamps,
    Light,
)
from relight.options import (
    DEFAULT_DIRECTION,
    LAMP_OPTIONS,
    MAX_ELEVATION_DEG,
    MAX_INTENSITY_STOPS,
    MAX_LAMPS,
    MAX_QUALITY,
    MIN_QUALITY,
    AnswerFormat,
    Color,
    DepthWhite,
    Detail,
    Direction,
    Metadata,
    Subsampling,
)
from service.contract.pair import PairContract
from service.relighting.lamps import COLOR_PATTERN, LampOptions, check_color, parse_lamps
from service.relighting.option_parsing import parse_options

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_OF_ONE_LAMP = {"direction", "light", "temperature", *LAMP_OPTIONS} - {"lights"}
_COMPUTED = "; for models that compute the light (`options` in `GET /models`)"


class RelightOptions(BaseModel):
    """The options of one request, checked. An unknown name or value is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    direction: Direction | None = Field(
        None,
        examples=["W"],
        description="compass point that the new light comes from, N = behind the scene, "
        f"E = image right; {DEFAULT_DIRECTION} if neither this nor `light` is given",
    )
    azimuth: float | None = Field(
        None,
        ge=0,
        le=360,
        allow_inf_nan=False,
        examples=[60],
        description="where the lamp stands, in degrees clockwise seen from above: 0 behind the "
        f"scene, 90 at image right, 180 behind the camera; instead of `direction`{_COMPUTED}",
    )
    elevation: float | None = Field(
        None,
        ge=0,
        le=MAX_ELEVATION_DEG,
        allow_inf_nan=False,
        examples=[30],
        description="height of the lamp above the horizontal plane, in degrees; else the model's "
        f"own{_COMPUTED}",
    )
    softness: _Share | None = Field(
        None,
        examples=[0.5],
        description=f"0 for a hard lamp, 1 for an overcast sky; else the model's own{_COMPUTED}",
    )
    intensity: float | None = Field(
        None,
        ge=-MAX_INTENSITY_STOPS,
        le=MAX_INTENSITY_STOPS,
        allow_inf_nan=False,
        examples=[0.5],
        description="strength of the lamp in stops; at 0, the default, the photo keeps its mean "
        f"luminance{_COMPUTED}",
    )
    lights: str | None = Field(
        None,
        max_length=2000,
        examples=['[{"azimuth": 60, "temperature": 3200}, {"direction": "W", "intensity": -1}]'],
        description=f"up to {MAX_LAMPS} lamps as JSON, each with `direction` or `azimuth`, "
        "`elevation`, `softness`, `intensity` and `temperature` or `lamp_color`; their light is "
        f"added, and together they keep the photo's mean luminance at 0 stops{_COMPUTED}",
    )
    depth_white: DepthWhite | None = Field(
        None,
        examples=["far"],
        description="which end of the depth is white in the file `depth`: near, as in `/maps`, or "
        f"far; else near{_COMPUTED}",
    )
    temperature: int | None = Field(
        None,
        ge=MIN_TEMPERATURE_K,
        le=MAX_TEMPERATURE_K,
        examples=[3200],
        description="colour temperature of the new light in kelvin; 6500, the white of sRGB, "
        "leaves the photo's colours alone. If set, it also tints greyscale photos",
    )
    lamp_color: str | None = Field(
        None,
        pattern=COLOR_PATTERN,
        examples=["#ffb060"],
        description="colour of the lamp in sRGB, instead of `temperature`; how bright it is does "
        f"not count{_COMPUTED}",
    )
    light: str | None = Field(
        None,
        pattern=r"^(N|NE|E|SE|S|SW|W|NW)-\d{4,5}$",
        examples=["E-4500"],
        description="shorthand for direction and temperature, such as `E-4500`",
    )
    strength: _Share = Field(
        1.0,
        examples=[0.8],
        description="0 returns the photo, 1 the full effect; blended in linear light",
    )
    color: Color = Field(
        "photo",
        examples=["photo"],
        description="whose colours the answer has: `photo` takes only light and shadow from the "
        "model, `model` everything it painted, at its own colour temperature and exposure, "
        "even for a grey photo",
    )
    fill: _Share = Field(
        0.0, examples=[0.3], description="how much of the photo's own light to keep as fill light"
    )
    model: str | None = Field(
        None,
        max_length=128,
        examples=["drn-s"],
        description="name of a model from `GET /models`; else one that fits",
    )
    format: AnswerFormat | None = Field(
        None,
        examples=["webp"],
        description="format of the answer; else the most welcome of the `Accept` header's that can "
        "hold the picture, else the photo's own",
    )
    quality: int | None = Field(
        None,
        ge=MIN_QUALITY,
        le=MAX_QUALITY,
        examples=[85],
        description="quality of a lossy format; else 92 as JPEG, 90 as WebP, 85 as AVIF",
    )
    subsampling: Subsampling | None = Field(
        None,
        examples=["420"],
        description="chroma subsampling of JPEG and AVIF; else 444, which keeps all colour",
    )
    progressive: bool | None = Field(
        None,
        examples=[True],
        description="whether a JPEG is progressive: smaller, and slower to write; else not",
    )
    detail: Detail = Field(
        "full",
        examples=["full"],
        description="the photo's full size, or the size that the model rendered",
    )
    metadata: Metadata = Field(
        "keep",
        examples=["strip"],
        description="keep or strip EXIF and XMP, including the position; "
        "the orientation is applied and the colour profile kept in both cases",
    )

    @model_validator(mode="after")
    def _lights_do_not_contradict(self) -> Self:
        if self.light is not None:
            Light.parse(self.light)
            if self.direction is not None or self.temperature is not None:
                raise ValueError("`light` already names direction and temperature")
        if self.azimuth is not None and (self.direction or self.light) is not None:
            raise ValueError("`azimuth` already says where the light comes from")
        if self.lamp_color is not None:
            named_k = Light.parse(self.light).temperature_k if self.light else None
            check_color(self.lamp_color, self.temperature or named_k)
        if self.lights is not None:
            parse_lamps(self.lights)
            if any(getattr(self, name) is not None for name in _OF_ONE_LAMP):
                raise ValueError("`lights` already says all of the lamps")
        return self

    @property
    def special(self) -> frozenset[str]:
        """The options given that not every model takes."""
        computed = (*LAMP_OPTIONS, "depth_white")
        given = {name for name in computed if getattr(self, name) is not None}
        return frozenset(given | ({"color"} if self.color == "model" else set()))

    @property
    def stands_free(self) -> bool:
        """Whether the light may come from where there is no compass point."""
        return self.azimuth is not None or self.lights is not None

    @property
    def wanted_direction(self) -> str:
        """The requested direction, or the default."""
        return self._lamps[0].direction or DEFAULT_DIRECTION

    @property
    def wanted_temperature_k(self) -> int | None:
        """The temperature asked for, if any; None where several lamps have their own."""
        return self._lamps[0].temperature if len(self._lamps) == 1 else None

    @property
    def adds_color(self) -> bool:
        """Whether a greyscale photo gets colour: from a lamp or from the model."""
        has_own = any(lamp.temperature or lamp.lamp_color for lamp in self._lamps)
        return has_own or self.color == "model"

    def lit_by(self, lamp: Lamp) -> Self:
        """Return the options with the place, softness and temperature of a lamp, if not given."""
        read: dict[str, object] = {
            "azimuth": lamp.azimuth_deg,
            "elevation": lamp.elevation_deg,
            "softness": lamp.softness if self.softness is None else self.softness,
        }
        if self.temperature is None and self.lamp_color is None:
            read["temperature"] = lamp.temperature_k
        return self.model_copy(update=read)

    def lamps(self, model: PairContract) -> Lamps:
        """Return the lamps asked for; what is left open is as the model has it."""
        return Lamps(tuple(lamp.lamp(model) for lamp in self._lamps))

    @property
    def _lamps(self) -> tuple[LampOptions, ...]:
        if self.lights is not None:
            return parse_lamps(self.lights)
        named = Light.parse(self.light) if self.light is not None else None
        lamp = LampOptions(
            direction=named.direction if named else self.direction,  # type: ignore[arg-type]
            azimuth=self.azimuth,
            elevation=self.elevation,
            softness=self.softness,
            intensity=self.intensity,
            lamp_color=self.lamp_color,
            temperature=named.temperature_k if named else self.temperature,
        )
        return (lamp,)

    @classmethod
    def parse(cls, fields: Iterable[tuple[str, str]]) -> RelightOptions:
        """Read options from the query and form fields of a request.

        Raises:
            InvalidOption: an unknown name, a name given twice, or a value out of its range.
        """
        return parse_options(cls, fields)
