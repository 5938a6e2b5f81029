"""The loop: batches -> losses of a stage -> a step, resumable at any step."""

from __future__ import annotations

import csv
import math
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from model_export.checkpoint import CheckpointError
from model_export.geometry_checkpoint import (
    GeometryCheckpoint,
    Provenance,
    save_geometry,
)
from model_export.networks.drn_g import DrnG
from model_export.streaming.feed import Batch, Feed
from model_export.training.conditions import Machine, flushing_denormals
from model_export.training.geometry.losses import (
    change_losses,
    light_losses,
    normal_error_deg,
    relit_losses,
    structure_losses,
)
from model_export.training.geometry.optimizer import FilterOptimizer
from model_export.training.geometry.stages import (
    CHANGE_LOSSES,
    LIGHT_LOSSES,
    RELIT_LOSSES,
    SCENE_LOSSES,
    GeometryStage,
)
from model_export.training.stopping import stop_on_signal
from relight.atomic import replacing

STATE_FILE: Final = "state.pt"
CHECKPOINT_FILE: Final = "drn-g.pt"

_LOG_EVERY_STEPS: Final = 50
_SAVE_EVERY_S: Final = 120.0
_EMA_DECAY: Final = 0.993


class GeometryTraining:
    """One run in one folder: `state.pt` to resume, `drn-g.pt` with the averaged weights, `log.csv`.

    Args:
        out: the run's folder.
        feed: where batches come from.
        stages: in order.
        machine: where to compute.
        weights: to begin with instead of random ones.
        provenance: what the checkpoint says of its history, beside the steps of each stage.
    """

    def __init__(
        self,
        out: Path,
        feed: Feed,
        stages: Sequence[GeometryStage],
        machine: Machine,
        *,
        weights: Mapping[str, Tensor] | None = None,
        provenance: Provenance,
    ) -> None:
        self.out = out
        self._feed = feed
        self._stages = stages
        self._machine = machine
        self._provenance = provenance
        self._network = DrnG().to(machine.device)
        if weights:
            self._network.load_state_dict(dict(weights))
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = AveragedModel(
            self._network, multi_avg_fn=get_ema_multi_avg_fn(_EMA_DECAY), use_buffers=True
        )
        self._stage_index, self._step = 0, 0
        self._optimizer_state: list[dict[str, Any]] = []

    def resume(self) -> None:
        """Go on where the run stopped.

        Raises:
            FileNotFoundError: there is no run.
            CheckpointError: the run has other stages, or another version started it.
        """
        state = torch.load(self.out / STATE_FILE, weights_only=True)
        if state["stages"] != repr(self._stages):
            raise CheckpointError(f"the run in {self.out} was started with other stages")
        if not isinstance(state["optimizer"], list):
            raise CheckpointError(f"an older version started the run in {self.out}")
        self._network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])
        self._stage_index, self._step = state["stage_index"], state["step"]
        self._optimizer_state = state["optimizer"]

    def run(self, minutes: float | None = None) -> bool:
        """Train until all stages are done or the time is over; return whether they are done."""
        self.out.mkdir(parents=True, exist_ok=True)
        until_s = time.monotonic() + (float("inf") if minutes is None else minutes * 60)
        with stop_on_signal() as stop, flushing_denormals():
            while self._stage_index < len(self._stages):
                stage = self._stages[self._stage_index]
                if not self._run_stage(stage, until_s, stop):
                    return False
                self._stage_index, self._step, self._optimizer_state = self._stage_index + 1, 0, []
                self._save([])
        return True

    def _run_stage(self, stage: GeometryStage, until_s: float, stop: threading.Event) -> bool:
        for name, part in self._network.named_children():
            part.requires_grad_(name in stage.trains).train(name in stage.trains)
        if stage.keeps_statistics:
            _keep_statistics(self._network)
        learning = [each for each in self._network.parameters() if each.requires_grad]
        optimizer = FilterOptimizer(
            learning, stage.learning_rate, lambda step: _rate(step, stage.num_steps)
        )
        if self._optimizer_state:
            optimizer.load_state_dict(self._optimizer_state)
        saved_s, log = time.monotonic(), _Log(self.out / "log.csv", stage.name)
        for num_steps, phase in stage.left_from(self._step):
            for batch in self._feed.batches(num_steps, phase.size_px, phase.batch_size):
                losses = self._losses(stage, self._on_device(batch))
                weighted = [weight * losses[name] for name, weight in stage.losses.items()]
                optimizer.step(torch.stack(weighted).sum())
                self._average.update_parameters(self._network)
                self._step += 1
                log.add(self._step, phase.size_px, losses)
                stopped = stop.is_set() or time.monotonic() > until_s
                if stopped or time.monotonic() - saved_s > _SAVE_EVERY_S:
                    self._save(optimizer.state_dict())
                    saved_s = time.monotonic()
                if stopped and self._step < stage.num_steps:
                    return False
        return True

    def _on_device(self, batch: Batch) -> Batch:
        return {name: value.to(self._machine.device) for name, value in batch.items()}

    def _losses(self, stage: GeometryStage, batch: Batch) -> dict[str, Tensor]:
        """Return what the stage judges, scalars by name; others beside them are for the log."""
        network, wanted = self._network, set(stage.losses)
        device = torch.device(self._machine.device).type
        narrow = self._machine.precision == "bfloat16"
        with torch.autocast(device, torch.bfloat16, enabled=narrow):
            with torch.set_grad_enabled("scene_reconversion" in stage.trains):
                photo = batch["photo"].contiguous(memory_format=torch.channels_last)
                structure = network.scene_reconversion(photo)
            losses = structure_losses(structure, batch) if wanted & set(SCENE_LOSSES) else {}
            with torch.no_grad():
                losses["normal_error_deg"] = normal_error_deg(structure, batch)
            if wanted & {*LIGHT_LOSSES, *RELIT_LOSSES, *CHANGE_LOSSES}:
                hard = torch.zeros(len(photo), device=photo.device)
                arriving = network.shadow_prior(structure, batch["light"], hard)
                losses |= light_losses(arriving, batch)
            if wanted & set(RELIT_LOSSES):
                # With the true light in its place, this judges what is taken out of the photo, and
                # the residual. Guesses in its place would learn to undo each other.
                known = structure._replace(
                    occlusion=batch["occlusion"], relightable=batch["relightable"]
                )
                lit = arriving._replace(irradiance=batch["irradiance"])
                ratio = network.rerenderer(known, lit, batch["ambient"][:, 0])
                losses |= relit_losses(ratio, batch)
            if wanted & set(CHANGE_LOSSES):
                surfaces = structure._replace(relightable=batch["relightable"])
                ratio = network.rerenderer(surfaces, arriving, batch["ambient"][:, 0])
                losses |= change_losses(ratio, arriving, batch)
        return losses

    def _save(self, optimizer_state: list[dict[str, Any]]) -> None:
        state = {
            "stages": repr(self._stages),
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "stage_index": self._stage_index,
            "step": self._step,
            "optimizer": optimizer_state,
        }
        with replacing(self.out / STATE_FILE) as stream:
            torch.save(state, stream)
        done = {f"steps.{each.name}": each.num_steps for each in self._stages[: self._stage_index]}
        if self._stage_index < len(self._stages):
            done[f"steps.{self._stages[self._stage_index].name}"] = self._step
        weights = {k: v.cpu() for k, v in self._average.module.state_dict().items()}
        save_geometry(
            self.checkpoint_path, GeometryCheckpoint(weights, {**self._provenance, **done})
        )

    @property
    def checkpoint_path(self) -> Path:
        """Where the weights go."""
        return self.out / CHECKPOINT_FILE


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
            writer.writerow(
                [self._stage, step, size_px, f"{seconds:.3f} s"]
                + [f"{name} {value:.4f}" for name, value in means.items()]
            )
        self._sums, self._num_added, self._begun_s = {}, 0, time.monotonic()


def _keep_statistics(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def _rate(step: int, num_steps: int) -> float:
    """Return the share of the learning rate: a short rise, then half a cosine."""
    return min(1.0, (step + 1) / 50) * (
        0.505 + 0.495 * math.cos(math.pi * min(1, step / num_steps))
    )
