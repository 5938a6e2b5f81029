"""Finds the pairs on which a model gains least, and draws them."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from model_export.data.examples import Example
from model_export.data.sources import Picture
from model_export.sheets import write_sheet

_NUM_ROWS: Final = 5


class _Answer(NamedTuple):
    gain_db: float
    pair: Example
    relit: Picture


class WorstPairs:
    """Keeps the pair of each scene with the smallest gain in PSNR over the unchanged input.

    Args:
        method: its name on the contact sheet.
    """

    def __init__(self, method: str) -> None:
        self._method = method
        self._by_scene: dict[int, _Answer] = {}

    def see(self, pair: Example, relit: Picture, gain_db: float) -> None:
        """Record the output of the method for a pair."""
        known = self._by_scene.get(pair.scene)
        if known is None or gain_db < known.gain_db:
            self._by_scene[pair.scene] = _Answer(gain_db, pair, relit)

    def write(self, path: Path) -> None:
        """Write a sheet of the five worst scenes, the worst first, with the gain of each."""
        worst = sorted(self._by_scene.values(), key=lambda answer: answer.gain_db)[:_NUM_ROWS]
        write_sheet(
            path,
            ["input", self._method, "target"],
            [[answer.pair.image, answer.relit, answer.pair.target] for answer in worst],
            row_labels=[f"{each.pair.light.direction}, {each.gain_db:+.1f} dB" for each in worst],
        )
