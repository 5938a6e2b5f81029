"""Shows where a model fails: the pairs that it brings least nearer to their target."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tqdm import tqdm

from model_export.data.examples import Example
from model_export.evaluation.methods import Method
from model_export.evaluation.scores import psnr_db
from model_export.sheets import write_sheet

_NUM_ROWS: Final = 5


def write_failures(path: Path, held_out: Sequence[Example], method: Method) -> None:
    """Write a contact sheet of a model's worst pairs, one a scene, the worst first.

    A pair's worth is the PSNR that the model gains over the unchanged input; each row says it.
    """
    worst: dict[int, tuple[float, int]] = {}  # scene -> its smallest gain, and by which pair
    for index, pair in enumerate(tqdm(held_out, desc="looking for failures", unit="pair")):
        before_db = psnr_db(pair.image, pair.target)
        gain_db = psnr_db(method.relight(pair.image), pair.target) - before_db
        worst[pair.scene] = min(worst.get(pair.scene, (gain_db, index)), (gain_db, index))
    chosen = sorted(worst.values())[:_NUM_ROWS]
    pairs = [held_out[index] for _, index in chosen]
    write_sheet(
        path,
        ["input", method.name, "target"],
        [[pair.image, method.relight(pair.image), pair.target] for pair in pairs],
        row_labels=[
            f"{pair.light.direction}, {gain_db:+.1f} dB"
            for pair, (gain_db, _) in zip(pairs, chosen, strict=True)
        ],
    )
