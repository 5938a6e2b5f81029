"""Supplies a run with batches, made by processes on the host or by the training device."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, Subset

from model_export.config import TrainingConfig, TrainingStage
from model_export.data.pairs import Pair, Pairs
from model_export.data.pictures import ResidentPictures
from model_export.data.vidit import ViditFolder
from model_export.training.conditions import Machine


class BatchLoader:
    """Yields the batches of each stage, on the machine's device.

    If the device keeps the pictures, all of them are read at the start.

    Args:
        config: gives the lights, the augmentation and the sizes of the stages.
        folder: the training scenes.
        machine: where to make the pairs.

    Raises:
        MissingData: a picture cannot be read.
        torch.OutOfMemoryError: the device has too little memory for the pictures.
    """

    def __init__(self, config: TrainingConfig, folder: ViditFolder, machine: Machine) -> None:
        self._config = config
        self._folder = folder
        self._machine = machine
        self._device = torch.device(machine.device)
        self._resident: ResidentPictures | None = None
        if machine.keeps_pictures:
            sizes_px = {size_px for stage in config.stages for size_px in stage.sizes_px}
            shadow_free = any(stage.target == "shadow_free" for stage in config.stages)
            self._resident = ResidentPictures(folder, sizes_px, shadow_free, self._device)

    def batches(self, stage_index: int, first_step: int) -> Iterator[Pair]:
        """Yield the batches of a stage, starting at a given step."""
        stage = self._config.stages[stage_index]
        pairs = Pairs(
            self._folder,
            stage,
            self._config.lights,
            self._config.augmentation,
            seed=(self._config.seed, stage_index),
            pictures=self._resident,
        )
        if self._resident:
            drawn: Iterator[Pair] = map(pairs.batch, range(first_step, stage.num_steps))
        else:
            drawn = self._from_host(pairs, stage, first_step)
        for image, target, light in drawn:
            channels_last = torch.channels_last
            yield Pair(
                image.contiguous(memory_format=channels_last),
                target.contiguous(memory_format=channels_last),
                light,
            )

    def _from_host(self, pairs: Pairs, stage: TrainingStage, first_step: int) -> Iterator[Pair]:
        rest = Subset(pairs, range(first_step * stage.batch_size, len(pairs)))
        on_gpu = self._device.type == "cuda"
        workers = self._machine.num_workers
        for pair in DataLoader(rest, stage.batch_size, num_workers=workers, pin_memory=on_gpu):
            yield Pair(*(each.to(self._device, non_blocking=True) for each in pair))
