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


# The default of each option; None if the help says it in words.
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
    "direction": _option("direction", "compass point that the light comes from; E is image right"),
    "azimuth": _option(
        "azimuth",
        "of the lamp in degrees, instead of a direction: 0 behind the scene, 90 image right",
        min=0,
        max=360,
    ),
    "elevation": _option(
        "elevation",
        "of the lamp in degrees; by default the model's own",
        min=0,
        max=MAX_ELEVATION_DEG,
    ),
    "softness": _option(
        "softness",
        "0 for a hard lamp, 1 for an overcast sky; by default the model's own",
        min=0,
        max=1,
    ),
    "intensity": _option(
        "intensity",
        "of the lamp in stops; by default 0",
        min=-MAX_INTENSITY_STOPS,
        max=MAX_INTENSITY_STOPS,
    ),
    "lamp_color": _option("lamp_color", "of the lamp, instead of a temperature", metavar="#RRGGBB"),
    "lights": _option("lights", "up to four lamps, instead of one", metavar="JSON"),
    "depth_white": _option("depth_white", "what white means in the depth map; by default near"),
    "temperature": _option(
        "temperature",
        "colour temperature in kelvin; by default the photo keeps its colours",
        min=MIN_TEMPERATURE_K,
        max=MAX_TEMPERATURE_K,
    ),
    "light": _option(
        "light", "direction and temperature in one", parser=_parse_light, metavar="E-4500"
    ),
    "strength": _option(
        "strength", "0 returns the photo unchanged, 1 gives the full effect", min=0, max=1
    ),
    "color": _option("color", "keep the photo's colours, or take all that the model painted"),
    "fill": _option("fill", "share of the photo's own light to keep", min=0, max=1),
    "model": _option("model", "a name from `relight models`; by default one that has the light"),
    "format": _option("format", "by default that of the name after -o, else the photo's"),
    "quality": _option(
        "quality",
        "of a lossy format; by default 92 for JPEG, 90 for WebP, 85 for AVIF",
        min=MIN_QUALITY,
        max=MAX_QUALITY,
    ),
    "subsampling": _option("subsampling", "chroma resolution of a JPEG or AVIF"),
    "progressive": _option("progressive", "write a progressive JPEG"),
    "detail": _option("detail", "full: the photo's size; model: the network's own"),
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
