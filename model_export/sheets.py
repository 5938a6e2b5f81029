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
    rows: Sequence[Sequence[npt.NDArray[np.uint8] | None]],
    *,
    row_labels: Sequence[str] | None = None,
    tile_px: int = 192,
) -> None:
    """Write a sheet.

    Args:
        path: the PNG to write; its folder is made.
        columns: a label for each column.
        rows: for each row a picture (h, w, 3) for each column, sRGB, or None for a gap.
        row_labels: a label for each row, drawn into its first tile.
        tile_px: longer side of each picture, which is resized to it by area.
    """
    pitch_px = tile_px + _GAP_PX
    tiles = [[None if p is None else _fitted(p, tile_px) for p in row] for row in rows]
    heights_px = [max((tile.height for tile in row if tile), default=tile_px) for row in tiles]
    size = (len(columns) * pitch_px, _LABEL_PX + sum(heights_px) + _GAP_PX * len(rows))
    sheet = Image.new("RGB", size, _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    for column, label in enumerate(columns):
        draw.text((column * pitch_px + 3, 2), label, fill=_INK, font=font)
    top_px = _LABEL_PX
    for index, (row, height_px) in enumerate(zip(tiles, heights_px, strict=True)):
        for column, tile in zip(range(len(columns)), row, strict=True):
            if tile:
                sheet.paste(tile, (column * pitch_px, top_px))
        if row_labels:
            draw.text((3, top_px + 3), row_labels[index], _INK, font)
        top_px += height_px + _GAP_PX
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _fitted(picture: npt.NDArray[np.uint8], longer_px: int) -> Image.Image:
    """Return a picture whose longer side is `longer_px`, in proportion."""
    scale = longer_px / max(picture.shape[:2])
    height_px, width_px = (max(1, round(side * scale)) for side in picture.shape[:2])
    return Image.fromarray(picture).resize((width_px, height_px), Image.Resampling.BOX)
