"""Arguments and options shared by several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from relight.lights import Light


def parse_light(text: str | Light) -> Light:
    """Read a light such as `E-4500`."""
    return text if isinstance(text, Light) else Light.parse(text)


DataFolder = Annotated[Path, typer.Argument(help="a folder in VIDIT's layout, or an archive of it")]
HeldOut = Annotated[int, typer.Option(help="number of first scenes to hold out from training")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1; default: the best available")]
PrecisionOption = Annotated[
    Literal["float32", "bfloat16"] | None, typer.Option(help="default on a GPU: bfloat16")
]
NumWorkers = Annotated[int | None, typer.Option(help="number of processes that draw pairs")]
KeepPictures = Annotated[
    bool | None,
    typer.Option(
        "--keep-pictures/--read-pictures",
        help="keep all pictures on the device, or read each; default on a GPU: keep",
    ),
]
VggWeights = Annotated[Path | None, typer.Option(help="torchvision's VGG-19 weights")]
