"""The commands of training and export: `python -m model_export COMMAND --help`.

render -> fuse -> train -> evaluate -> export
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from model_export import scenes
from model_export.checkpoint import CheckpointError, load, load_tensors, save, sha256
from model_export.config import CONFIGS, TrainingConfig
from model_export.data.fusion import fuse_folder
from model_export.data.vidit import ViditFolder
from model_export.evaluation.color_transfer import NotColorTransfer
from model_export.evaluation.command import evaluate_command
from model_export.evaluation.lpips import NotLpips
from model_export.evaluation.methods import LightNotRendered
from model_export.evaluation.photo_sheet import sheet_command
from model_export.evaluation.real_lights.command import evaluate_real_command
from model_export.export.official_checkpoint import import_official_checkpoint
from model_export.export.pair_writer import export_pair
from model_export.export.parity import ParityError
from model_export.export.reader import initial_weights as read_weights
from model_export.export.writer import export_onnx
from model_export.geometry_checkpoint import is_geometry, load_geometry
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
from model_export.scenes.command import maps_command
from model_export.training import comparison, weight_averaging
from model_export.training.conditions import Machine, Origin, Start
from model_export.training.geometry.command import StreamOptions, train_on_stream
from model_export.training.loop import STATE_FILE, RunMismatch, Training
from model_export.training.losses import NotVgg, PerceptualLoss
from relight.errors import ImageError, ModelRefused

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

app.command(name="evaluate")(evaluate_command)
app.command(name="maps")(maps_command)
app.command(name="evaluate-real")(evaluate_real_command)
app.command(name="sheet")(sheet_command)

PROCEDURAL: Final = Origin("procedural scenes under 8 lights", "Apache-2.0")
EXPECTED: Final = (
    CheckpointError,
    ImageError,
    LightNotRendered,
    ModelRefused,
    NotColorTransfer,
    NotLpips,
    NotVgg,
    OSError,
    ParityError,
    RunMismatch,
)


def _parse_architecture(name: str) -> str:
    if name not in ARCHITECTURES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(ARCHITECTURES)}")
    return name


@app.command()
def render(
    out: Annotated[Path, typer.Argument(help="the output folder")],
    num_scenes: Annotated[int, typer.Option(help="number of scenes")] = 345,
    *,
    seed: int = 2020,
    size_px: int = 256,
    variant: Annotated[
        str | None, typer.Option(help="Mitsuba variant; default: the fastest")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="processes; default: one per core")] = None,
    maps: Annotated[
        bool, typer.Option("--maps", help="also write each scene's geometry, ImageNNN_maps.npz")
    ] = False,
) -> None:
    """Render procedural scenes under eight lights each; run again to continue."""
    try:
        scenes.render_scenes(
            out,
            num_scenes=num_scenes,
            seed=seed,
            size_px=size_px,
            variant=variant,
            jobs=jobs or os.cpu_count() or 1,
            with_maps=maps,
        )
    except ValueError as error:  # the folder has another recipe, or the variant is not available
        raise typer.BadParameter(str(error)) from None
    scenes.contact_sheet(out, out / "contact.png")


@app.command()
def fuse(data: DataFolder, size_px: int = 256) -> None:
    """Write the shadow-free target of each scene by exposure fusion."""
    fuse_folder(ViditFolder.open(data), size_px)


@app.command()
def train(
    data: DataFolder,
    out: Annotated[Path | None, typer.Argument(help="folder of the run")] = None,
    *,
    stream: Annotated[
        bool, typer.Option("--stream", help="train drn-g on scenes rendered meanwhile: train RUN")
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
        run_folder = out or data
        options = StreamOptions(
            config=config,
            initial_weights=initial_weights,
            first_stage=first_stage,
            length=length,
            minutes=minutes,
            resume=resume,
        )
        try:
            done = train_on_stream(run_folder, Machine.best(device, precision), options)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        typer.echo(f"{run_folder}: {'done' if done else 'stopped; --resume goes on'}")
        return
    if out is None:
        raise typer.BadParameter("the run's folder is missing: train DATA RUN")
    if (out / STATE_FILE).exists() and not resume:
        raise typer.BadParameter(f"{out} already holds a run: --resume continues it")
    origin = Origin(trained_on, weights_license)
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


@app.command()
def compare(
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
    origin = PROCEDURAL if ours else Origin(f"scenes of {data.name}", "none: to compare with only")
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


@app.command()
def average(
    checkpoints: Annotated[list[Path], typer.Argument(help=".pt checkpoints of one network")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", help="the checkpoint to write")],
) -> None:
    """Average the weights of checkpoints; keep the history of the last one."""
    names = [path.name for path in checkpoints]
    save(out, weight_averaging.average(names, [load(path) for path in checkpoints]))
    typer.echo(f"{out}: the mean of {len(checkpoints)}")


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="a .pt checkpoint")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the .onnx to write")],
    *,
    version: str = "0.1.0",
    failures: Annotated[
        Path | None, typer.Option(help="picture for the card, from `evaluate --failures`")
    ] = None,
) -> None:
    """Write the ONNX files and their model card, and check them against PyTorch."""
    if is_geometry(checkpoint):
        pair = export_pair(load_geometry(checkpoint), sha256(checkpoint), out, version=version)
        typer.echo(f"{out.parent / out.stem}.scene.onnx, .light.onnx: {pair.name} {pair.version}")
        return
    contract = export_onnx(
        load(checkpoint),
        sha256(checkpoint),
        out,
        name=out.stem,
        version=version,
        failures=failures,
    )
    typer.echo(f"{out}: {contract.name} {contract.version}")


@app.command()
def import_checkpoint(
    published: Annotated[Path, typer.Argument(help="the authors' latest_net_G.pth")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the checkpoint to write")],
) -> None:
    """Read the DRN authors' released weights."""
    import_official_checkpoint(published, out)
    typer.echo(f"{out}: all weights imported")


def _perceptual_loss(vgg_weights: Path | None) -> PerceptualLoss | None:
    if vgg_weights is None:
        typer.echo("No --vgg-weights: training without the perceptual loss.", err=True)
        return None
    return PerceptualLoss(load_tensors(vgg_weights))


def main() -> None:
    """Run a command; an expected failure prints one line and exits with code 2."""
    try:
        app()
    except EXPECTED as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
