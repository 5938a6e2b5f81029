"""The options of a request: names, values and limits, shared by client and service.

The service validates them in `service.relighting.options`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypedDict

from relight.lights import Light

Direction = Literal["N", "NE", "E", "SE", "S", "SW", "W", "NW"]
Color = Literal["photo", "model"]
AnswerFormat = Literal["jpeg", "png", "webp", "avif", "tiff"]
Subsampling = Literal["444", "422", "420"]
Detail = Literal["full", "model"]
Metadata = Literal["keep", "strip"]
DepthWhite = Literal["near", "far"]

DEFAULT_DIRECTION: Final = "E"
LAMP_OPTIONS: Final = (  # of computed light
    "azimuth",
    "elevation",
    "softness",
    "intensity",
    "lamp_color",
    "lights",
)
GEOMETRY_OPTIONS: Final = ("depth", "depth_white", "reference")  # two are files of the form
MAX_ELEVATION_DEG: Final = 90
MAX_INTENSITY_STOPS: Final = 2
MAX_LAMPS: Final = 4
MIN_QUALITY: Final = 1
MAX_QUALITY: Final = 100


class Options(TypedDict, total=False):
    """The options of a request, named and valued as in the HTTP API.

    Temperature is in kelvin, `MIN_TEMPERATURE_K` to `MAX_TEMPERATURE_K` of `relight.lights`;
    strength, fill and softness are 0 to 1; azimuth is 0 to 360 and elevation 0 to 90 degrees;
    intensity is -2 to 2 stops; lamp_color is `#rrggbb`; lights are up to four lamps, each a mapping
    of direction or azimuth, elevation, softness, intensity and temperature or lamp_color, or their
    JSON; depth_white says which end of a depth map is white; quality is `MIN_QUALITY` to
    `MAX_QUALITY`.
    """

    direction: Direction
    azimuth: float
    elevation: float
    softness: float
    intensity: float
    lamp_color: str
    lights: Sequence[Mapping[str, object]] | str
    depth_white: DepthWhite
    temperature: int
    light: Light | str
    strength: float
    color: Color
    fill: float
    model: str
    format: AnswerFormat
    quality: int
    subsampling: Subsampling
    progressive: bool
    detail: Detail
    metadata: Metadata
