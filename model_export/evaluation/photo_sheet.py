"""The command `sheet`: ordinary photos from E, W, N and S at full size, to judge by eye."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import skimage.data
import typer

from model_export.data.sources import MissingData, Picture
from model_export.evaluation.real_lights.contact import as_codes
from model_export.evaluation.real_lights.methods import LightMethod
from model_export.evaluation.real_lights.model_files import open_model_files
from model_export.evaluation.real_lights.served import read_photo
from model_export.evaluation.real_lights.sets import Pixels
from model_export.sheets import write_sheet

_SHOWN: Final = ("E", "W", "N", "S")


def sheet_command(
    photos: Annotated[
        list[str],
        typer.Argument(help="files, or names of scikit-image's pictures, such as astronaut"),
    ],
    *,
    model: Annotated[list[Path], typer.Option(help="an .onnx file; may be repeated")],
    out: Annotated[Path, typer.Option("-o", "--out", help="folder for NAME.png")],
    softness: Annotated[
        float | None, typer.Option(help="of the lamps; by default the model's own")
    ] = None,
) -> None:
    """Draw each photo beside its relit versions from E, W, N and S, one row per model."""
    methods = open_model_files(model)
    for photo in photos:
        sheet = out / f"{Path(photo).stem}.png"
        _draw(sheet, _read_photo(photo), methods, softness)
        typer.echo(sheet)


def _draw(sheet: Path, photo: Pixels, methods: list[LightMethod], softness: float | None) -> None:
    rows: list[list[Picture]] = [
        [
            as_codes(photo),
            *(as_codes(method.relight(photo, method.light_for(side), softness)) for side in _SHOWN),
        ]
        for method in methods
    ]
    labels = [method.name for method in methods]
    write_sheet(sheet, ["input", *_SHOWN], rows, row_labels=labels, tile_px=max(photo.shape[:2]))


def _read_photo(name: str) -> Pixels:
    """Return a photo, upright, as float32 (h, w, 3), sRGB codes 0 to 1.

    Args:
        name: a file that the service reads, or where there is none such as `astronaut`, a
            picture that scikit-image brings along.

    Raises:
        MissingData: there is neither.
        ImageError: the file is no photo that the service reads.
    """
    path = Path(name)
    if not path.is_file():
        path = Path(skimage.data.data_dir) / f"{name}.png"
    if not path.is_file():
        raise MissingData(f"{name} is neither a file nor a picture of scikit-image")
    return read_photo(path)
