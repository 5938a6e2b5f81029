"""What a run shows of itself: its losses in `log.csv`, and sample sheets in `samples/`."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch

from model_export.config import TrainingConfig, TrainingStage
from model_export.data.pairs import Pairs, to_picture
from model_export.data.vidit import ViditFolder
from model_export.networks.base import RelightingNetwork
from model_export.sheets import write_sheet

_NUM_SHEET_ROWS: Final = 6


class Progress:
    """Writes the losses and the sample sheets of a run.

    Args:
        out: folder of the run.
        config: its training.
        held_out: scenes for the sheets.
        device: of the network.
    """

    def __init__(
        self, out: Path, config: TrainingConfig, held_out: ViditFolder, device: torch.device
    ) -> None:
        self._out = out
        self._config = config
        self._held_out = held_out
        self._device = device

    def log(self, stage: TrainingStage, step: int, losses: Mapping[str, float]) -> None:
        """Add a line for each loss of a step."""
        with (self._out / "log.csv").open("a", newline="") as stream:
            writer = csv.writer(stream)
            for name, value in losses.items():
                writer.writerow([stage.name, step, name, f"{value:.5f}"])

    @torch.no_grad()
    def write_samples(self, network: RelightingNetwork, stage_index: int, step: int) -> None:
        """Write a sheet of held-out pairs: input, the stage's picture, target."""
        stage, config = self._config.stages[stage_index], self._config
        whole = dataclasses.replace(stage, half_size_every=0)
        pairs = Pairs(self._held_out, whole, config.lights, config.augmentation, seed=(1,))
        rows = []
        for index in range(min(_NUM_SHEET_ROWS, len(pairs))):
            pair = pairs[index]
            image, light = pair.image[None].to(self._device), pair.light[None].to(self._device)
            picture = network.judged(stage.judges, image, light)[0]
            rows.append([to_picture(pair.image), to_picture(picture), to_picture(pair.target)])
        name = f"{stage_index + 1}-{stage.name}-{step:06d}.png"
        write_sheet(self._out / "samples" / name, ["input", stage.judges, stage.target], rows)
