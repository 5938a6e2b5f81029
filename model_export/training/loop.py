"""Trains the network: one loop, and stages as data.

    pairs -> picture of the stage -> train the discriminators -> train the stage's parts

A run can be stopped at any step (time limit, Ctrl-C, SIGTERM) and resumed. It then continues with
the weights, the optimisers and the pairs of the moment it stopped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format
from tqdm import tqdm

from model_export.checkpoint import Checkpoint, refuse_unlike, save
from model_export.config import TrainingConfig
from model_export.data.vidit import ViditFolder
from model_export.networks.architectures import build
from model_export.networks.base import RelightingNetwork
from model_export.training.conditions import DataOrigin, Machine, Start, flushing_denormals
from model_export.training.ema import EmaModel
from model_export.training.learner import Learner
from model_export.training.loaders import BatchLoader
from model_export.training.losses import PerceptualLoss
from model_export.training.progress import Progress
from model_export.training.stopping import stop_on_signal
from relight.atomic import replacing

STATE_FILE: Final = "state.pt"
_SAVE_EVERY_S: Final = 300.0
_LOG_EVERY_STEPS: Final = 25
_SHEET_EVERY_STEPS: Final = 250


class RunMismatch(ValueError):
    """A run cannot be resumed under the given conditions."""


class Training:
    """A training run in one folder.

    Writes `state.pt` (to resume), `<architecture>.pt` (the checkpoint), `log.csv` and `samples/`.

    Args:
        out: folder of the run.
        config: the training.
        folder: the training scenes.
        held_out: scenes for the sample sheets, excluded from training.
        origin: origin of the data, for the model card.
        machine: the machine.
        perceptual: the VGG-19 loss, or None without weights.
        start: initial weights instead of random ones.

    Raises:
        MissingData: the pictures are smaller than a stage needs.
        CheckpointError: the initial weights are of another network.
    """

    def __init__(
        self,
        out: Path,
        config: TrainingConfig,
        folder: ViditFolder,
        held_out: ViditFolder,
        *,
        origin: DataOrigin,
        machine: Machine,
        perceptual: PerceptualLoss | None = None,
        start: Start | None = None,
    ) -> None:
        folder.require(max(stage.size_px for stage in config.stages))
        torch.manual_seed(config.seed)
        self.out = out
        self.config = config
        self._folder = folder
        self._held_out = held_out
        self._origin = origin
        self._machine = machine
        self._device = torch.device(machine.device)
        self._progress = Progress(out, config, held_out, self._device)
        self._perceptual = perceptual.to(self._device) if perceptual else None
        self._started_from = start.name if start else "nothing"
        self._network = build(config.architecture, len(config.lights)).to(self._device)
        if start:
            _begin_with(self._network, start.weights)
        convert_conv2d_weight_memory_format(self._network, torch.channels_last)
        self._mean = EmaModel(self._network, config.ema_decay)
        if machine.compiles:
            self._network.compile(dynamic=False)  # each size of pictures has its own kernels
        self._stage_index = 0
        self._step = 0
        self._learners: dict[str, Any] = {}  # optimiser and discriminators of a resumed run

    @property
    def checkpoint_path(self) -> Path:
        """Path of the weights."""
        return self.out / f"{self.config.architecture}.pt"

    def resume(self) -> None:
        """Continue the run in `out` with the scenes that it started with.

        Raises:
            FileNotFoundError: the folder has no run.
            RunMismatch: that run has a different config, scenes or loss.
        """
        state = torch.load(self.out / STATE_FILE, map_location="cpu", weights_only=True)
        if state["config"] != repr(self.config):
            raise RunMismatch(f"the run in {self.out} was started with another config")
        if state["held_out"] != list(self._held_out.scenes):
            raise RunMismatch(f"the run in {self.out} holds out scenes {state['held_out']}")
        if missing := set(state["scenes"]) - set(self._folder.scenes):
            raise RunMismatch(f"the folder lacks scenes of this run: {sorted(missing)[:5]}")
        if state["perceptual"] != (self._perceptual is not None):
            raise RunMismatch("VGG weights must be given to all of a run, or to none of it")
        self._folder = self._folder.only(state["scenes"])
        self._network.load_state_dict(state["network"])
        self._mean.load_state_dict(state["mean"])
        self._stage_index, self._step = state["stage_index"], state["step"]
        self._learners = state["learners"]

    def run(self, minutes: float | None = None) -> bool:
        """Train until all stages are done, the time is over, or a signal arrives.

        Returns:
            Whether all stages are done.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        torch.backends.cudnn.benchmark = True  # few sizes, many steps
        loader = BatchLoader(self.config, self._folder, self._machine)
        until_s = time.monotonic() + (float("inf") if minutes is None else minutes * 60)
        with stop_on_signal() as stop, flushing_denormals():
            while self._stage_index < len(self.config.stages):
                if not self._run_stage(loader, until_s, stop):
                    return False
                self._stage_index, self._step, self._learners = self._stage_index + 1, 0, {}
                self._save({})
        return True

    def _run_stage(self, loader: BatchLoader, until_s: float, stop: threading.Event) -> bool:
        stage = self.config.stages[self._stage_index]
        torch.manual_seed(self.config.seed + self._stage_index)  # the same initial discriminators
        learner = Learner(self._network, stage, self.config, self._device, self._perceptual)
        if self._learners:
            learner.load_state_dict(self._learners)
        if self._step == 0:
            self._mean.n_averaged.zero_()  # a stage starts its own average
        saved_s = time.monotonic()
        batches = loader.batches(self._stage_index, self._step)
        bar = tqdm(batches, desc=stage.name, initial=self._step, total=stage.num_steps)
        for pair in bar:
            with torch.autocast(
                self._device.type, torch.bfloat16, enabled=self._machine.precision == "bfloat16"
            ):
                losses = learner.learn(pair)
            self._mean.update_parameters(self._network)
            self._step += 1
            if self._step % _LOG_EVERY_STEPS == 0:
                values = {name: loss.item() for name, loss in losses.items()}
                self._progress.log(stage, self._step, values)
                bar.set_postfix({name: f"{value:.3f}" for name, value in values.items()})
            if self._step % _SHEET_EVERY_STEPS == 0 or self._step == stage.num_steps:
                mean = cast(RelightingNetwork, self._mean.module)
                self._progress.write_samples(mean, self._stage_index, self._step)
            stopped = stop.is_set() or time.monotonic() > until_s
            if stopped or time.monotonic() - saved_s > _SAVE_EVERY_S:
                self._save(learner.state_dict())
                saved_s = time.monotonic()
            if stopped and self._step < stage.num_steps:
                return False
        return True

    def _save(self, learners: Mapping[str, Any]) -> None:
        state = {
            "config": repr(self.config),
            "scenes": list(self._folder.scenes),
            "held_out": list(self._held_out.scenes),
            "perceptual": self._perceptual is not None,
            "network": self._network.state_dict(),
            "mean": self._mean.state_dict(),
            "stage_index": self._stage_index,
            "step": self._step,
            "learners": dict(learners),
        }
        with replacing(self.out / STATE_FILE) as stream:
            torch.save(state, stream)
        save(self.checkpoint_path, self._checkpoint())

    def _checkpoint(self) -> Checkpoint:
        stages = self.config.stages
        done = {stage.name: stage.num_steps for stage in stages[: self._stage_index]}
        if self._stage_index < len(stages):
            done[stages[self._stage_index].name] = self._step
        weights = self._mean.module.state_dict()
        return Checkpoint(
            architecture=self.config.architecture,
            lights=tuple(map(str, self.config.lights)),
            weights={name: weight.detach().cpu().clone() for name, weight in weights.items()},
            provenance={
                "trained_on": f"{len(self._folder.scenes)} {self._origin.trained_on}",
                "license": self._origin.license,
                "size_px": self._size_px(),
                "num_held_out_scenes": len(self._held_out.scenes),
                "started_from": self._started_from,
                "hardware": self._machine.description,
                "perceptual_loss": "VGG-19" if self._perceptual else "none: no weights given",
                **{f"steps.{name}": steps for name, steps in done.items()},
            },
        )

    def _size_px(self) -> int:
        """Return the size of the last finished stage, or of the first one while it runs."""
        return self.config.stages[max(0, self._stage_index - 1)].size_px


def _begin_with(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy weights into a network; its other weights stay unchanged."""
    own = network.state_dict()
    refuse_unlike({**own, **weights}, own)
    network.load_state_dict({**own, **weights})
