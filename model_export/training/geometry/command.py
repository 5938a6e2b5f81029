"""`train --stream`: renderers, feed and loop put together."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from model_export.checkpoint import CheckpointError
from model_export.export.pair_reader import pair_weights
from model_export.geometry_checkpoint import load_geometry
from model_export.streaming.feed import feeding
from model_export.streaming.spool import renderers
from model_export.training.conditions import Machine
from model_export.training.geometry.loop import STATE_FILE, GeometryTraining
from model_export.training.geometry.stages import STAGES, from_stage

TRAINED_ON: Final = (
    "procedural scenes with geometry, heads from MakeHuman (CC0), rendered beside the training"
)
_LICENSE: Final = "Apache-2.0"
_CAPACITY: Final = 2500  # scenes in memory and on disk; 1.7 MB each at 160 px
_MIN_SCENES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """What `train --stream` is asked for; the command's help describes each."""

    config: str = "default"
    initial_weights: Path | None = None
    first_stage: str | None = None
    length: float = 1.0
    minutes: float | None = None
    resume: bool = False
    seed: int = 0
    scene_size_px: int = 160
    min_scenes: int = _MIN_SCENES


def train_on_stream(out: Path, machine: Machine, options: StreamOptions) -> bool:
    """Train `drn-g` in a folder; return whether all stages are done.

    Raises:
        CheckpointError: the weights to begin with are of another network.
        ValueError: the folder holds a run and is not to be resumed, or a name is unknown.
        OSError: a file cannot be read.
    """
    if options.config not in STAGES:
        raise ValueError(f"config {options.config!r} is not one of {', '.join(STAGES)}")
    if (out / STATE_FILE).exists() and not options.resume:
        raise ValueError(f"{out} holds a run already: --resume goes on with it")
    stages = STAGES[options.config]
    stages = from_stage(stages, options.first_stage or stages[0].name)
    weights = read_weights(options.initial_weights) if options.initial_weights else None
    if machine.device == "cpu":
        torch.set_num_threads(1)  # the renderer and the feed need the other cores
    spool = out / "scenes"
    num_renderers = max(1, machine.num_workers // 3)  # a batch takes more time than new scenes
    num_drawing = max(1, machine.num_workers - num_renderers)
    with ExitStack() as stack:
        stack.enter_context(
            renderers(
                spool,
                num_renderers,
                seed=options.seed * 10_000_000,
                size_px=options.scene_size_px,
                capacity=_CAPACITY,
            )
        )
        feed = stack.enter_context(
            feeding(
                spool,
                min_scenes=options.min_scenes,
                capacity=_CAPACITY,
                seed=options.seed,
                num_processes=num_drawing,
            )
        )
        run = GeometryTraining(
            out,
            feed,
            tuple(stage.longer(options.length) for stage in stages),
            machine,
            weights=weights,
            provenance={
                "trained_on": TRAINED_ON,
                "license": _LICENSE,
                "started_from": options.initial_weights.name if options.initial_weights else "-",
                "hardware": machine.description,
            },
        )
        if options.resume:
            run.resume()
        return run.run(options.minutes)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a checkpoint `.pt`, or of an exported pair, by its `.scene.onnx`.

    Raises:
        CheckpointError: the file is something else.
        OSError: the file cannot be read.
    """
    if path.name.endswith(".scene.onnx"):
        return pair_weights(path)
    if path.suffix == ".pt":
        return dict(load_geometry(path).weights)
    raise CheckpointError(f"{path} is neither a .pt nor a .scene.onnx")
