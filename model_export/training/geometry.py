"""Trains `drn-g` from scenes that are rendered meanwhile: one loop, and stages as data.

    renderers -> spool -> feed -> network -> losses -> step

The stages follow the paper's order: the scene reconversion on the scene's own truths, the shadow
prior on the light that arrives, the re-renderer on the relit picture, then all together.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from model_export.atomic import replacing
from model_export.networks.drn_g import DrnG
from model_export.streaming.feed import Batch, Feed
from model_export.training.geometry_losses import (
    light_losses,
    normal_error_deg,
    relit_losses,
    structure_losses,
)

_LOG_EVERY_STEPS: Final = 50
_SAVE_EVERY_S: Final = 120.0
_EMA_DECAY: Final = 0.993


@dataclass(frozen=True, slots=True, kw_only=True)
class GeometryStage:
    """One stage of training.

    Attributes:
        name: what logs call it.
        trains: parts of `DrnG` that learn, its children's names.
        losses: weight of each loss.
        sizes_px: share of the steps -> side of their pictures and how many are in a step.
        num_steps: optimiser steps.
        learning_rate: of AdamW, at its highest; it falls along a cosine.
    """

    name: str
    trains: tuple[str, ...]
    losses: Mapping[str, float]
    sizes_px: tuple[tuple[float, int, int], ...]
    num_steps: int
    learning_rate: float

    def phases(self, first_step: int) -> list[tuple[int, int, int]]:
        """Return number of steps, size and batch size of what is left from a step on."""
        left, begin = [], 0.0
        for share, size_px, batch_size in self.sizes_px:
            start, end = (round(at * self.num_steps) for at in (begin, begin + share))
            begin += share
            if end > first_step:
                left.append((end - max(start, first_step), size_px, batch_size))
        return left


_STRUCTURE: Final = {
    "normals": 2.0,
    "relief": 0.25,
    "log_shading": 0.5,
    "occlusion": 0.5,
    "relightable": 0.3,
}
_RELIT: Final = {"relit": 4.0, "relit_slopes": 2.0}

STAGES: Final = (
    GeometryStage(
        name="scene_reconversion",
        trains=("scene_reconversion",),
        losses=_STRUCTURE,
        sizes_px=((0.4, 64, 10), (0.4, 96, 8), (0.2, 128, 8)),
        num_steps=9000,
        learning_rate=1.3e-3,
    ),
    GeometryStage(
        name="shadow_prior",
        trains=("shadow_prior",),
        losses={"irradiance": 1.0},
        sizes_px=((1.0, 128, 8),),
        num_steps=1200,
        learning_rate=2e-3,
    ),
    GeometryStage(
        name="together",
        trains=("scene_reconversion", "shadow_prior", "rerenderer"),
        losses={**_STRUCTURE, "irradiance": 1.0, **_RELIT},
        sizes_px=((0.5, 128, 8), (0.5, 192, 4)),
        num_steps=2000,
        learning_rate=4e-4,
    ),
)


class GeometryTraining:
    """One run in one folder: `state.pt` to resume, `drn-g.pt` with the averaged weights, `log.csv`.

    Args:
        out: the run's folder.
        feed: where batches come from.
        stages: in order.
        weights: to begin with instead of random ones.
        precision: `bfloat16` or `float32`, of the network's arithmetic.
    """

    def __init__(
        self,
        out: Path,
        feed: Feed,
        *,
        stages: tuple[GeometryStage, ...] = STAGES,
        weights: Mapping[str, Tensor] | None = None,
        precision: str = "bfloat16",
    ) -> None:
        self.out = out
        self._feed = feed
        self._stages = stages
        self._precision = precision
        self._network = DrnG()
        if weights:
            self._network.load_state_dict(weights)
        self._network.to(memory_format=torch.channels_last)
        self._average = AveragedModel(
            self._network, multi_avg_fn=get_ema_multi_avg_fn(_EMA_DECAY), use_buffers=True
        )
        self._stage_index, self._step = 0, 0
        self._optimizer_state: dict[str, Any] = {}

    def resume(self) -> None:
        """Go on where the run stopped.

        Raises:
            FileNotFoundError: there is no run.
        """
        state = torch.load(self.out / "state.pt", weights_only=True)
        self._network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])
        self._stage_index, self._step = state["stage_index"], state["step"]
        self._optimizer_state = state["optimizer"]

    def run(self, minutes: float | None = None) -> bool:
        """Train until all stages are done or the time is over; return whether they are done."""
        self.out.mkdir(parents=True, exist_ok=True)
        until_s = time.monotonic() + (float("inf") if minutes is None else minutes * 60)
        while self._stage_index < len(self._stages):
            if not self._run_stage(self._stages[self._stage_index], until_s):
                return False
            self._stage_index, self._step, self._optimizer_state = self._stage_index + 1, 0, {}
        return True

    def _run_stage(self, stage: GeometryStage, until_s: float) -> bool:
        for name, part in self._network.named_children():
            part.requires_grad_(name in stage.trains).train(name in stage.trains)
        learning = [each for each in self._network.parameters() if each.requires_grad]
        optimizer = torch.optim.AdamW(
            learning, stage.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        schedule = LambdaLR(optimizer, lambda step: _rate(step, stage.num_steps))
        if self._optimizer_state:
            optimizer.load_state_dict(self._optimizer_state["optimizer"])
            schedule.load_state_dict(self._optimizer_state["schedule"])
        saved_s, log = time.monotonic(), _Log(self.out / "log.csv", stage.name)
        for num_steps, size_px, batch_size in stage.phases(self._step):
            for batch in self._feed.batches(num_steps, size_px, batch_size):
                losses = self._losses(stage, batch)
                total = torch.stack([stage.losses[k] * v for k, v in losses.items() if k in stage.losses])
                optimizer.zero_grad(set_to_none=True)
                total.sum().backward()
                nn.utils.clip_grad_norm_(learning, 1.0)
                optimizer.step()
                schedule.step()
                self._average.update_parameters(self._network)
                self._step += 1
                log.add(self._step, size_px, losses)
                is_late = time.monotonic() > until_s
                if is_late or time.monotonic() - saved_s > _SAVE_EVERY_S:
                    self._save(stage, optimizer, schedule)
                    saved_s = time.monotonic()
                if is_late:
                    return False
        self._save(stage, optimizer, schedule)
        return True

    def _losses(self, stage: GeometryStage, batch: Batch) -> dict[str, Tensor]:
        """Return what the stage judges, scalars by name; others beside them are for the log."""
        network, wanted = self._network, set(stage.losses)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._precision == "bfloat16"):
            with torch.set_grad_enabled("scene_reconversion" in stage.trains):
                photo = batch["photo"].contiguous(memory_format=torch.channels_last)
                structure = network.scene_reconversion(photo)
            losses = structure_losses(structure, batch) if wanted & set(_STRUCTURE) else {}
            with torch.no_grad():
                losses["normal_error_deg"] = normal_error_deg(structure, batch)
            if wanted & {"irradiance", *_RELIT}:
                arriving = network.shadow_prior(
                    structure, batch["light"], torch.zeros(len(photo))
                )
                losses |= light_losses(arriving, batch)
            if wanted & set(_RELIT):
                ratio = network.rerenderer(structure, arriving, batch["ambient"][:, 0])
                losses |= relit_losses(ratio, batch)
        return losses

    def _save(
        self, stage: GeometryStage, optimizer: torch.optim.Optimizer, schedule: LambdaLR
    ) -> None:
        state = {
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "stage_index": self._stage_index,
            "step": self._step,
            "optimizer": {
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
            },
        }
        with replacing(self.out / "state.pt") as stream:
            torch.save(state, stream)
        with replacing(self.out / "drn-g.pt") as stream:
            torch.save(self._average.module.state_dict(), stream)


class _Log:
    """Means of the losses, a line in a CSV file now and then."""

    def __init__(self, path: Path, stage: str) -> None:
        self._path, self._stage = path, stage
        self._sums: dict[str, float] = {}
        self._num_added, self._begun_s = 0, time.monotonic()

    def add(self, step: int, size_px: int, losses: Mapping[str, Tensor]) -> None:
        """Take a step's losses in."""
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.item()
        self._num_added += 1
        if self._num_added < _LOG_EVERY_STEPS:
            return
        seconds = (time.monotonic() - self._begun_s) / self._num_added
        means = {name: total / self._num_added for name, total in self._sums.items()}
        with self._path.open("a", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow([self._stage, step, size_px, f"{seconds:.3f} s"] + [
                f"{name} {value:.4f}" for name, value in means.items()
            ])
        self._sums, self._num_added, self._begun_s = {}, 0, time.monotonic()


def _rate(step: int, num_steps: int) -> float:
    """Return the share of the learning rate: a short rise, then half a cosine."""
    return min(1.0, (step + 1) / 50) * (0.505 + 0.495 * math.cos(math.pi * min(1, step / num_steps)))
