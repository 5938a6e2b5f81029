"""The commands `train`, `compare` and `average`: from pictures to checkpoints."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from model_export import scenes
from model_export.checkpoint import load, load_tensors, save
from model_export.config import CONFIGS, TrainingConfig
from model_export.data.vidit import ViditFolder
from model_export.export.reader import initial_weights as read_weights
from model_export.networks.drn import ARCHITECTURES
from model_export.options import (
    DataFolder,
    Device,
    HeldOut,
    KeepPictures,
    NumWorkers,
    PrecisionOption,
    VggWeights,
)
from model_export.training import comparison, weight_averaging
from model_export.training.conditions import DataOrigin, Machine, Start
from model_export.training.geometry.command import StreamOptions, train_on_stream
from model_export.training.loop import STATE_FILE, Training
from model_export.training.losses import PerceptualLoss

PROCEDURAL: Final = DataOrigin("procedural scenes under 8 lights", "Apache-2.0")


def _parse_architecture(name: str) -> str:
    if name not in ARCHITECTURES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(ARCHITECTURES)}")
    return name


def train_command(
    data: DataFolder,
    out: Annotated[Path | None, typer.Argument(help="folder of the run")] = None,
    *,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream", help="train drn-g on scenes rendered meanwhile: train RUN --stream"
        ),
    ] = False,
    config: Annotated[Literal["default", "gpu", "paper"], typer.Option()] = "default",
    architecture: Annotated[
        str | None, typer.Option(parser=_parse_architecture, help="default: the config's")
    ] = None,
    initial_weights: Annotated[
        Path | None, typer.Option(help="start from a .pt or an exported .onnx")
    ] = None,
    first_stage: Annotated[str | None, typer.Option(help="skip the stages before this one")] = None,
    length: Annotated[float, typer.Option(help="factor for the steps of every stage")] = 1.0,
    minutes: Annotated[float | None, typer.Option(help="save and stop after this time")] = None,
    resume: Annotated[bool, typer.Option(help="continue a stopped run")] = False,
    held_out: HeldOut = 45,
    device: Device = None,
    precision: PrecisionOption = None,
    num_workers: NumWorkers = None,
    keep_pictures: KeepPictures = None,
    compiles: Annotated[
        bool, typer.Option("--compile", help="compile the network with torch.compile")
    ] = False,
    vgg_weights: VggWeights = None,
    trained_on: Annotated[str, typer.Option(help="for the model card")] = PROCEDURAL.trained_on,
    weights_license: Annotated[
        str, typer.Option(help="SPDX identifier, for the model card")
    ] = PROCEDURAL.license,
) -> None:
    """Train the network through all stages; on a GPU in bfloat16."""
    if stream:
        options = StreamOptions(
            config=config,
            initial_weights=initial_weights,
            first_stage=first_stage,
            length=length,
            minutes=minutes,
            resume=resume,
        )
        _train_on_stream(out or data, Machine.best(device, precision, num_workers), options)
        return
    if out is None:
        raise typer.BadParameter("the run's folder is missing: train DATA RUN")
    if (out / STATE_FILE).exists() and not resume:
        raise typer.BadParameter(f"{out} already holds a run: --resume continues it")
    origin = DataOrigin(trained_on, weights_license)
    if origin == PROCEDURAL and not (data / scenes.RECIPE).exists():
        raise typer.BadParameter(
            "these scenes are not rendered by this project: give --trained-on, --weights-license"
        )
    try:
        chosen = CONFIGS[config].from_stage(first_stage or CONFIGS[config].stages[0].name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    training_folder, held_out_folder = ViditFolder.open(data).split(held_out)
    run = Training(
        out,
        dataclasses.replace(
            chosen.longer(length), architecture=architecture or chosen.architecture
        ),
        training_folder,
        held_out_folder,
        origin=origin,
        machine=Machine.best(
            device, precision, num_workers, keep_pictures=keep_pictures, compiles=compiles
        ),
        perceptual=_perceptual_loss(vgg_weights),
        start=Start(initial_weights.name, read_weights(initial_weights))
        if initial_weights
        else None,
    )
    if resume:
        run.resume()
    done = run.run(minutes)
    typer.echo(f"{run.checkpoint_path}: {'done' if done else 'stopped; --resume continues'}")


def compare_command(
    data: DataFolder,
    out: Annotated[Path, typer.Argument(help="folder of the comparison")],
    *,
    methods: Annotated[str, typer.Option(help="methods, comma-separated")] = ",".join(
        comparison.METHODS
    ),
    steps: Annotated[int, typer.Option(help="steps per method, over all its stages")] = 3000,
    size_px: int = 128,
    batch_size: int = 6,
    minutes: Annotated[float | None, typer.Option(help="save and stop after this time")] = None,
    resume: Annotated[bool, typer.Option(help="continue a stopped comparison")] = False,
    held_out: HeldOut = 45,
    device: Device = None,
    precision: PrecisionOption = None,
    num_workers: NumWorkers = None,
    keep_pictures: KeepPictures = None,
    vgg_weights: VggWeights = None,
) -> None:
    """Train DRN and the networks of its paper's comparison, one after another."""
    if unknown := set(methods.split(",")) - set(comparison.METHODS):
        raise typer.BadParameter(f"{', '.join(unknown)}: not in {', '.join(comparison.METHODS)}")
    if any(out.glob(f"*/{STATE_FILE}")) and not resume:
        raise typer.BadParameter(f"{out} already holds a comparison: --resume continues it")
    folder, held_out_folder = ViditFolder.open(data).split(held_out)
    budget = {"num_steps": steps, "size_px": size_px, "batch_size": batch_size}
    configs = {
        name: comparison.within_budget(comparison.METHODS[name], **budget)
        for name in methods.split(",")
    }
    ours = (data / scenes.RECIPE).exists()
    origin = (
        PROCEDURAL if ours else DataOrigin(f"scenes of {data.name}", "none: to compare with only")
    )
    machine = Machine.best(device, precision, num_workers, keep_pictures=keep_pictures)
    perceptual = _perceptual_loss(vgg_weights)

    def start(run_out: Path, config: TrainingConfig) -> Training:
        return Training(
            run_out,
            config,
            folder,
            held_out_folder,
            origin=origin,
            machine=machine,
            perceptual=perceptual,
        )

    stopped = comparison.compare(out, configs, folder, start, minutes)
    typer.echo(f"{out}: {f'stopped in {stopped}; --resume continues' if stopped else 'done'}")


def average_command(
    checkpoints: Annotated[list[Path], typer.Argument(help=".pt checkpoints of one network")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="the checkpoint to write")],
) -> None:
    """Average the weights of checkpoints; keep the history of the last one."""
    names = [path.name for path in checkpoints]
    save(out, weight_averaging.average(names, [load(path) for path in checkpoints]))
    typer.echo(f"{out}: the mean of {len(checkpoints)}")


def _train_on_stream(run_folder: Path, machine: Machine, options: StreamOptions) -> None:
    try:
        done = train_on_stream(run_folder, machine, options)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(f"{run_folder}: {'done' if done else 'stopped; --resume continues'}")


def _perceptual_loss(vgg_weights: Path | None) -> PerceptualLoss | None:
    if vgg_weights is None:
        typer.echo("No --vgg-weights: training without the perceptual loss.", err=True)
        return None
    return PerceptualLoss(load_tensors(vgg_weights))
