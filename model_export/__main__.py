"""The research half's commands: `python -m model_export COMMAND --help`.

render -> fuse -> train -> evaluate -> export
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import torch
import typer

from model_export import scenes
from model_export.checkpoint import CheckpointError, load, load_tensors, save, sha256
from model_export.config import CONFIGS, TrainingConfig
from model_export.drn import ARCHITECTURES
from model_export.evaluation import (
    LightNotRendered,
    Score,
    as_table,
    evaluate,
    examples,
    relight_with,
)
from model_export.export import export_onnx
from model_export.exported import initial_weights as read_weights
from model_export.fusion import fuse_folder
from model_export.losses import NotVgg, PerceptualLoss
from model_export.parity import ParityError
from model_export.published import import_published
from model_export.softness import measure_softness
from model_export.training import (
    STATE_FILE,
    Machine,
    Origin,
    Precision,
    RunMismatch,
    Start,
    Training,
)
from model_export.vidit import ViditFolder
from service.errors import ModelRefused
from service.lights import Light

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

PROCEDURAL: Final = Origin("procedural scenes under 8 lights", "Apache-2.0")
E_4500: Final = Light("E", 4500)
EXPECTED: Final = (
    CheckpointError,
    LightNotRendered,
    ModelRefused,
    NotVgg,
    OSError,
    ParityError,
    RunMismatch,
)


def _parse_light(text: str | Light) -> Light:
    return text if isinstance(text, Light) else Light.parse(text)


def _parse_architecture(name: str) -> str:
    if name not in ARCHITECTURES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(ARCHITECTURES)}")
    return name


DataFolder = Annotated[Path, typer.Argument(help="a folder in VIDIT's layout")]
HeldOut = Annotated[int, typer.Option(help="first scenes of the folder, kept from training")]


@app.command()
def render(
    out: Annotated[Path, typer.Argument(help="the folder to fill")],
    num_scenes: Annotated[int, typer.Option(help="how many scenes")] = 180,
    *,
    seed: int = 2020,
    size_px: int = 256,
    variant: Annotated[str | None, typer.Option(help="a Mitsuba variant; the fastest")] = None,
    jobs: Annotated[int | None, typer.Option(help="processes; one a core")] = None,
) -> None:
    """Render procedural scenes under eight lights each; run again to go on."""
    try:
        scenes.render_scenes(
            out,
            num_scenes=num_scenes,
            seed=seed,
            size_px=size_px,
            variant=variant,
            jobs=jobs or os.cpu_count() or 1,
        )
    except ValueError as error:  # another recipe lies there, or the variant cannot be had
        raise typer.BadParameter(str(error)) from None
    scenes.contact_sheet(out, out / "contact.png")


@app.command()
def fuse(data: DataFolder, size_px: int = 256) -> None:
    """Write the shadow-free target of each scene by exposure fusion."""
    fuse_folder(ViditFolder.open(data), size_px)


@app.command()
def train(
    data: DataFolder,
    out: Annotated[Path, typer.Argument(help="the run's folder")],
    *,
    config: Annotated[Literal["default", "paper"], typer.Option()] = "default",
    architecture: Annotated[
        str | None, typer.Option(parser=_parse_architecture, help="else the config's")
    ] = None,
    initial_weights: Annotated[
        Path | None, typer.Option(help="learn on from a .pt or an exported .onnx")
    ] = None,
    first_stage: Annotated[str | None, typer.Option(help="leave out the stages before it")] = None,
    minutes: Annotated[float | None, typer.Option(help="stop and save after so long")] = None,
    resume: Annotated[bool, typer.Option(help="go on where the run stopped")] = False,
    held_out: HeldOut = 10,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1; else the best")] = None,
    precision: Annotated[Literal["float32", "bfloat16"] | None, typer.Option()] = None,
    num_workers: Annotated[int | None, typer.Option(help="processes that draw pairs")] = None,
    vgg_weights: Annotated[Path | None, typer.Option(help="torchvision's VGG-19 weights")] = None,
    trained_on: Annotated[str, typer.Option(help="for the card")] = PROCEDURAL.trained_on,
    weights_license: Annotated[str, typer.Option(help="SPDX, for the card")] = PROCEDURAL.license,
) -> None:
    """Train the network through all stages; on a GPU in bfloat16."""
    if (out / STATE_FILE).exists() and not resume:
        raise typer.BadParameter(f"{out} holds a run already: --resume goes on with it")
    origin = Origin(trained_on, weights_license)
    if origin == PROCEDURAL and not (data / scenes.RECIPE).exists():
        raise typer.BadParameter("these scenes are not ours: --trained-on and --weights-license")
    if vgg_weights is None:
        typer.echo("No --vgg-weights: the perceptual loss is left out.", err=True)
    chosen = CONFIGS[config]
    if first_stage:
        chosen = _from_stage(chosen, first_stage)
    training_folder, held_out_folder = ViditFolder.open(data).split(held_out)
    run = Training(
        out,
        dataclasses.replace(chosen, architecture=architecture or chosen.architecture),
        training_folder,
        held_out_folder,
        origin=origin,
        machine=_machine(device, precision, num_workers),
        perceptual=PerceptualLoss(load_tensors(vgg_weights)) if vgg_weights else None,
        start=Start(initial_weights.name, read_weights(initial_weights))
        if initial_weights
        else None,
    )
    if resume:
        run.resume()
    done = run.run(minutes)
    typer.echo(f"{run.checkpoint_path}: {'done' if done else 'stopped; --resume goes on'}")


@app.command(name="evaluate")
def evaluate_command(
    model: Annotated[Path, typer.Argument(help="a checkpoint .pt or an exported .onnx")],
    data: DataFolder,
    *,
    held_out: Annotated[int, typer.Option(help="first scenes of the folder; 0: all")] = 10,
    size_px: int = 256,
    light: Annotated[Light, typer.Option(parser=_parse_light, help="the target")] = E_4500,
    temperature_k: Annotated[
        list[int] | None, typer.Option(help="of the inputs; may be repeated; else the target's")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="where to draw a contact sheet")] = None,
    record: Annotated[bool, typer.Option(help="store the scores in the checkpoint")] = False,
) -> None:
    """Measure a model on the held-out scenes, beside the unchanged input."""
    folder = ViditFolder.open(data)
    if held_out:
        _, folder = folder.split(held_out)
    lamps_k = temperature_k or [light.temperature_k]
    pairs = list(examples(folder, light, size_px, lamps_k))
    scores = evaluate(pairs, {model.stem: relight_with(model, light)}, sheet)
    typer.echo(as_table(scores))
    if record:
        lamps = "/".join(map(str, lamps_k))
        dataset = f"{len(folder.scenes)} held-out scenes, {size_px} px, {lamps} K"
        softness_px = measure_softness(
            [(p.image, p.target) for p in pairs], relight_with(model, light)
        )
        _record(model, scores, dataset, softness_px)


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="a checkpoint .pt")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the .onnx to write")],
    *,
    version: str = "0.1.0",
) -> None:
    """Write the ONNX file with its contract and model card, and prove that it agrees."""
    contract = export_onnx(
        load(checkpoint), sha256(checkpoint), out, name=out.stem, version=version
    )
    typer.echo(f"{out}: {contract.name} {contract.version}")


@app.command()
def import_checkpoint(
    published: Annotated[Path, typer.Argument(help="the authors' latest_net_G.pth")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the checkpoint to write")],
) -> None:
    """Read the DRN authors' released weights."""
    import_published(published, out)
    typer.echo(f"{out}: every weight found its place")


def _from_stage(config: TrainingConfig, name: str) -> TrainingConfig:
    names = [stage.name for stage in config.stages]
    if name not in names:
        raise typer.BadParameter(f"stage {name!r} is not one of {', '.join(names)}")
    return dataclasses.replace(config, stages=config.stages[names.index(name) :])


def _record(model: Path, scores: Sequence[Score], dataset: str, softness_px: float) -> None:
    """Keep scores and softness in the model's provenance, where the export finds them."""
    checkpoint = load(model)
    unchanged, own = scores
    metrics: dict[str, str | float] = {
        "metrics.dataset": dataset,
        "metrics.psnr_db": round(own.psnr_db, 2),
        "metrics.ssim": round(own.ssim, 3),
        "metrics.unchanged_psnr_db": round(unchanged.psnr_db, 2),
        "metrics.unchanged_ssim": round(unchanged.ssim, 3),
    }
    provenance = {**checkpoint.provenance, **metrics, "softness_px": round(softness_px, 2)}
    save(model, dataclasses.replace(checkpoint, provenance=provenance))


def _machine(device: str | None, precision: Precision | None, num_workers: int | None) -> Machine:
    on_gpu = torch.cuda.is_available() if device is None else device.startswith("cuda")
    if num_workers is None:  # a GPU outruns the process that feeds it; a CPU has none to spare
        num_workers = (os.cpu_count() or 1) if on_gpu else 0
    return Machine(
        device=device or ("cuda" if on_gpu else "cpu"),
        precision=precision or ("bfloat16" if on_gpu else "float32"),
        num_workers=num_workers,
    )


def main() -> None:
    """Run a command; an expected failure is one line and exit code 2."""
    try:
        app()
    except EXPECTED as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
