"""Contact sheets to look at: each set's photo from E, W and S by each method, beside the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from model_export.data.sources import Picture
from model_export.evaluation.real_lights.methods import LightMethod
from model_export.evaluation.real_lights.sets import SIDES, LitSet, Pixels
from model_export.sheets import write_sheet


def write_contact_sheet(
    path: Path,
    sets: Iterable[LitSet],
    methods: Sequence[LightMethod],
    *,
    softness: float | None = None,
) -> None:
    """Write a sheet with a row a set: the input, each method from E, W and S, the true photos.

    The input is the one that E against W is measured on. A direction without a true photo leaves
    a gap there.
    """
    names = [*(method.name for method in methods), "true"]
    columns = ["input", *(f"{side} {name}" for name in names for side in SIDES)]
    lit_sets = [lit for lit in sets if lit.pairs]
    rows = [_row(lit, methods, softness) for lit in lit_sets]
    write_sheet(path, columns, rows, row_labels=[lit.name for lit in lit_sets])


def as_codes(picture: Pixels) -> Picture:
    """Return float sRGB codes, 0 to 1, as uint8."""
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _row(
    lit: LitSet, methods: Sequence[LightMethod], softness: float | None
) -> list[Picture | None]:
    photo, targets = lit.pictures[lit.contrast_input or lit.pairs[0].input], lit.targets
    row: list[Picture | None] = [as_codes(photo)]
    for method in methods:
        for side in SIDES:
            lamp = lit.lights[targets[side]] if side in targets else None
            row.append(as_codes(method.relight(photo, method.light_for(side, lamp), softness)))
    truth = [lit.pictures[targets[side]] if side in targets else None for side in SIDES]
    return row + [None if picture is None else as_codes(picture) for picture in truth]
