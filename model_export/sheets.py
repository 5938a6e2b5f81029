"""Contact sheets: pictures in rows and columns, with labels, as one PNG to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

_LABEL_PX: Final = 18
_GAP_PX: Final = 2
_PAPER: Final = (24, 24, 24)
_INK: Final = (220, 220, 220)


def write_sheet(
    path: Path,
    columns: Sequence[str],
    rows: Sequence[Sequence[npt.NDArray[np.uint8]]],
    *,
    row_labels: Sequence[str] | None = None,
    tile_px: int = 192,
) -> None:
    """Write a sheet.

    Args:
        path: the PNG to write; its folder is made.
        columns: a label for each column.
        rows: for each row a picture (h, w, 3) for each column, sRGB.
        row_labels: a label for each row, drawn into its first tile.
        tile_px: side of a tile; pictures are resized to it by area.
    """
    pitch_px = tile_px + _GAP_PX
    size = (len(columns) * pitch_px, _LABEL_PX + len(rows) * pitch_px)
    sheet = Image.new("RGB", size, _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    for column, label in enumerate(columns):
        draw.text((column * pitch_px + 3, 2), label, fill=_INK, font=font)
    for index, row in enumerate(rows):
        for column, picture in zip(range(len(columns)), row, strict=True):
            tile = Image.fromarray(picture).resize((tile_px, tile_px), Image.Resampling.BOX)
            sheet.paste(tile, (column * pitch_px, _LABEL_PX + index * pitch_px))
        if row_labels:
            draw.text((3, _LABEL_PX + index * pitch_px + 3), row_labels[index], _INK, font)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
