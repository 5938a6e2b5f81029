"""Contact sheets to look at: each set's photo from E, W and S by each method, beside the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from model_export.evaluation.real_lights.methods import LightMethod
from model_export.evaluation.real_lights.sets import SIDES, LitSet, Pixels
from model_export.sheets import write_sheet

Tile = npt.NDArray[np.uint8]  # (tile, tile, 3)


def write_contact_sheet(
    path: Path, sets: Iterable[LitSet], methods: Sequence[LightMethod], *, tile_px: int = 192
) -> None:
    """Write a sheet with a row a set: the input, each method from E, W and S, the true photos.

    The input is the one that E against W is measured on. A direction without a true photo is
    left blank.
    """
    columns = ["input"]
    columns += [f"{side} {name}" for name in (*(m.name for m in methods), "true") for side in SIDES]
    lit_sets = [lit for lit in sets if lit.pairs]
    rows = [[_tile(picture, tile_px) for picture in _row(lit, methods)] for lit in lit_sets]
    write_sheet(path, columns, rows, row_labels=[lit.name for lit in lit_sets], tile_px=tile_px)


def _row(lit: LitSet, methods: Sequence[LightMethod]) -> list[Pixels | None]:
    photo = lit.pictures[lit.contrast_input or lit.pairs[0].input]
    targets = lit.targets
    row: list[Pixels | None] = [photo]
    for method in methods:
        for side in SIDES:
            lamp = lit.lights[targets[side]] if side in targets else None
            row.append(method.relight(photo, method.light_for(side, lamp), None))
    return row + [lit.pictures[targets[side]] if side in targets else None for side in SIDES]


def _tile(picture: Pixels | None, tile_px: int) -> Tile:
    """Return a square tile with the picture in its middle, in proportion."""
    tile = np.zeros((tile_px, tile_px, 3), np.uint8)
    if picture is None:
        return tile
    scale = tile_px / max(picture.shape[:2])
    height_px, width_px = (max(1, round(side * scale)) for side in picture.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(picture, (width_px, height_px), interpolation=way)
    top, left = (tile_px - height_px) // 2, (tile_px - width_px) // 2
    codes = np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8)
    tile[top : top + height_px, left : left + width_px] = codes
    return tile
