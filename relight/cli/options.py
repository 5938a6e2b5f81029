"""Every option of the HTTP API as an option of a command."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final, get_type_hints

import typer

from relight.lights import MAX_TEMPERATURE_K, MIN_TEMPERATURE_K, Light
from relight.options import (
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


OPTIONS: Final[dict[str, Any]] = {
    "direction": typer.Option(help="where the light comes from; E is image right"),
    "azimuth": typer.Option(
        min=0, max=360, help="instead: in degrees, 0 behind the scene, 90 at image right"
    ),
    "elevation": typer.Option(min=0, max=MAX_ELEVATION_DEG, help="of the lamp, in degrees"),
    "softness": typer.Option(min=0, max=1, help="0 for a hard lamp, 1 for an overcast sky"),
    "intensity": typer.Option(
        min=-MAX_INTENSITY_STOPS, max=MAX_INTENSITY_STOPS, help="of the lamp, in stops"
    ),
    "lights": typer.Option(metavar="JSON", help="up to four lamps, instead of one"),
    "temperature": typer.Option(
        min=MIN_TEMPERATURE_K, max=MAX_TEMPERATURE_K, help="colour temperature, in kelvin"
    ),
    "light": typer.Option(parser=_parse_light, metavar="E-4500", help="both in one"),
    "strength": typer.Option(min=0, max=1, help="0 gives the photo back, 1 the full effect"),
    "color": typer.Option(help="whose colours: the photo's, or all that the model painted"),
    "fill": typer.Option(min=0, max=1, help="how much of the photo's own light to keep"),
    "model": typer.Option(help="a name from `relight models`"),
    "format": typer.Option(help="else that of the photo, or of the name after -o"),
    "quality": typer.Option(min=MIN_QUALITY, max=MAX_QUALITY, help="of a lossy format"),
    "subsampling": typer.Option(help="how much colour a JPEG or AVIF keeps"),
    "progressive": typer.Option(help="whether a JPEG is progressive"),
    "detail": typer.Option(help="the photo's size, or the network's own"),
    "metadata": typer.Option(help="keep or strip EXIF and XMP"),
}


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every option of the HTTP API; those given arrive as `options`."""
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
