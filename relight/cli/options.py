"""Every option of the HTTP API as an option of a command."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final, get_type_hints

import typer

from relight.lights import MAX_TEMPERATURE_K, MIN_TEMPERATURE_K, Light
from relight.options import (
    DEFAULT_DIRECTION,
    MAX_ELEVATION_DEG,
    MAX_INTENSITY_STOPS,
    MAX_QUALITY,
    MIN_QUALITY,
    Options,
)


def _parse_light(text: str) -> Light:
    try:
        return Light.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


# What counts where an option is not given; None where the help says it in words.
DEFAULTS: Final[dict[str, str | None]] = {
    "direction": DEFAULT_DIRECTION,
    "azimuth": None,
    "elevation": None,
    "softness": None,
    "intensity": None,
    "lamp_color": None,
    "lights": None,
    "depth_white": None,
    "temperature": None,
    "light": None,
    "strength": "1",
    "color": "photo",
    "fill": "0",
    "model": None,
    "format": None,
    "quality": None,
    "subsampling": "444",
    "progressive": "no-progressive",
    "detail": "full",
    "metadata": "keep",
}


def _option(name: str, help_text: str, **more: Any) -> Any:
    return typer.Option(show_default=DEFAULTS[name] or False, help=help_text, **more)


OPTIONS: Final[dict[str, Any]] = {
    "direction": _option("direction", "where the light comes from; E is image right"),
    "azimuth": _option(
        "azimuth", "instead: in degrees, 0 behind the scene, 90 at image right", min=0, max=360
    ),
    "elevation": _option(
        "elevation", "of the lamp, in degrees; else the model's own", min=0, max=MAX_ELEVATION_DEG
    ),
    "softness": _option(
        "softness", "0 for a hard lamp, 1 for an overcast sky; else the model's own", min=0, max=1
    ),
    "intensity": _option(
        "intensity",
        "of the lamp, in stops; else 0",
        min=-MAX_INTENSITY_STOPS,
        max=MAX_INTENSITY_STOPS,
    ),
    "lamp_color": _option("lamp_color", "of the lamp, instead of a temperature", metavar="#RRGGBB"),
    "lights": _option("lights", "up to four lamps, instead of one", metavar="JSON"),
    "depth_white": _option("depth_white", "which end of the depth is white; else near"),
    "temperature": _option(
        "temperature",
        "colour temperature in kelvin; else the photo keeps its colours",
        min=MIN_TEMPERATURE_K,
        max=MAX_TEMPERATURE_K,
    ),
    "light": _option("light", "both in one", parser=_parse_light, metavar="E-4500"),
    "strength": _option("strength", "0 gives the photo back, 1 the full effect", min=0, max=1),
    "color": _option("color", "whose colours: the photo's, or all that the model painted"),
    "fill": _option("fill", "how much of the photo's own light to keep", min=0, max=1),
    "model": _option("model", "a name from `relight models`; else one that fits"),
    "format": _option("format", "else that of the photo, or of the name after -o"),
    "quality": _option(
        "quality",
        "of a lossy format; else 92 as JPEG, 90 as WebP, 85 as AVIF",
        min=MIN_QUALITY,
        max=MAX_QUALITY,
    ),
    "subsampling": _option("subsampling", "how much colour a JPEG or AVIF keeps"),
    "progressive": _option("progressive", "whether a JPEG is progressive"),
    "detail": _option("detail", "the photo's size, or the network's own"),
    "metadata": _option("metadata", "keep or strip EXIF and XMP"),
}


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every option of the HTTP API; the given ones arrive as `options`."""
    signature = inspect.signature(command, eval_str=True)
    hints = get_type_hints(Options) | {"light": Light, "lights": str}  # as a shell has them
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[hints[name] | None, option],
        )
        for name, option in OPTIONS.items()
    ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        options = {name: given.pop(name) for name in OPTIONS}
        command(**given, options={n: v for n, v in options.items() if v is not None})

    kept = [p for p in signature.parameters.values() if p.name != "options"]
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in kept] + added
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run
