"""Trains the paper's network on a GPU, in under ten minutes, and measures its speed and quality.

    python -m bench.gpu.training DATA [--record training.json]   # needs the extras gpu and export
    python -m bench.gpu.training DATA --smallest                 # on a CPU: two steps of each stage

DATA is a folder in VIDIT's layout with shadow-free targets (`render`, then `fuse`), or a zip
archive of it. The run is that of `train --config gpu --architecture drn --compile`. Its time
includes reading the pictures and compiling. Quality is measured on scenes held out, as `evaluate`
does.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch

from model_export import scenes
from model_export.checkpoint import load
from model_export.config import CONFIGS, TrainingConfig
from model_export.data.examples import examples
from model_export.data.vidit import ViditFolder
from model_export.evaluation.methods import open_methods
from model_export.evaluation.scores import as_table, evaluate
from model_export.training.conditions import DataOrigin, Machine
from model_export.training.loop import Training

_MINUTES: Final = 8.5  # the rest of ten is for the evaluation
_SMALLEST_PX: Final = 32


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, evaluate, record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--record", type=Path, default=Path("training.json"))
    parser.add_argument("--minutes", type=float, default=_MINUTES, help="time to train")
    parser.add_argument("--length", type=float, default=1.0, help="factor for all steps")
    parser.add_argument("--held-out", type=int, default=30, help="scenes to evaluate on")
    parser.add_argument("--smallest", action="store_true", help="for a CPU")
    chosen = parser.parse_args(arguments)
    if not torch.cuda.is_available() and not chosen.smallest:
        parser.error("no GPU initialises: --smallest takes the same steps on the CPU")
    config = replace(CONFIGS["gpu"].longer(chosen.length), architecture="drn")
    if chosen.smallest:
        config = _smallest(config)
    folder, held_out = ViditFolder.open(chosen.data).split(chosen.held_out)
    with tempfile.TemporaryDirectory() as name:
        machine = Machine.best("cpu" if chosen.smallest else "cuda", compiles=not chosen.smallest)
        origin = DataOrigin(_origin(chosen.data), "none: to measure with only")
        run = Training(Path(name), config, folder, held_out, origin=origin, machine=machine)
        began_s = time.monotonic()
        finished = run.run(chosen.minutes)
        record = _speed(run, time.monotonic() - began_s) | {"finished": finished}
        scores = evaluate(
            list(examples(held_out, config.lights[0], config.stages[-1].size_px, [4500])),
            open_methods(run.checkpoint_path, config.lights[0]),
        )
    record["psnr_db"] = {score.method: score.psnr_db.value for score in scores}
    chosen.record.write_text(json.dumps(record, indent=1) + "\n")
    speed = "{num_pictures} pictures in {seconds:.0f} s, {pictures_hz:.1f} a second"
    print(f"On {record['hardware']}: {speed.format(**record)}.")
    print(f"All stages are done: {'yes' if finished else 'no'}.\n\n{as_table(scores)}")


def _speed(run: Training, seconds: float) -> dict[str, Any]:
    """Return what a run of so many seconds has done."""
    provenance = load(run.checkpoint_path).provenance
    steps = {
        stage.name: int(provenance.get(f"steps.{stage.name}", 0)) for stage in run.config.stages
    }
    num_pictures = sum(steps[stage.name] * stage.batch_size for stage in run.config.stages)
    return {
        "architecture": run.config.architecture,
        "hardware": provenance["hardware"],
        "load_average": os.getloadavg()[0],
        "steps": steps,
        "seconds": seconds,
        "num_pictures": num_pictures,
        "pictures_hz": num_pictures / seconds,
    }


def _smallest(config: TrainingConfig) -> TrainingConfig:
    """Return the same stages on small pictures with a narrow network."""
    stages = (
        replace(stage, num_steps=2, batch_size=1, size_px=_SMALLEST_PX, half_size_every=0)
        for stage in config.stages
    )
    return replace(config, architecture="drn-xs", discriminator_width=2, stages=tuple(stages))


def _origin(data: Path) -> str:
    return "procedural scenes" if (data / scenes.RECIPE).exists() else f"scenes of {data.name}"


if __name__ == "__main__":
    main()
