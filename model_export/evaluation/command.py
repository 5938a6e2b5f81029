"""The command `evaluate`: measures models and prints or records the figures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from model_export.checkpoint import load, save
from model_export.data.challenge import holds_pairs
from model_export.data.examples import examples, paired_examples
from model_export.data.vidit import ViditFolder, names_lights
from model_export.evaluation.color_cast import ColorCast, measure_cast
from model_export.evaluation.lpips import Lpips
from model_export.evaluation.methods import Method, open_methods
from model_export.evaluation.scores import Score, as_table, evaluate
from model_export.evaluation.softness import measure_softness
from model_export.options import DataFolder, parse_light
from relight.lights import Light

E_4500: Final = Light("E", 4500)


def evaluate_command(
    models: Annotated[
        list[Path], typer.Argument(help=".pt, .onnx, .json, or the folder of a comparison")
    ],
    data: DataFolder,
    *,
    held_out: Annotated[int, typer.Option(help="number of first scenes to use; 0: all")] = 45,
    ground_truth: Annotated[
        Path | None,
        typer.Option(help="archive of the targets, if a challenge keeps them separately"),
    ] = None,
    size_px: int = 256,
    light: Annotated[Light, typer.Option(parser=parse_light, help="light of the target")] = E_4500,
    temperature_k: Annotated[
        list[int] | None,
        typer.Option(help="colour temperature of the inputs; repeatable; default: the target's"),
    ] = None,
    lpips_weights: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="torchvision's SqueezeNet 1.1 or AlexNet, and LPIPS 0.1's layers for it"),
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="write a contact sheet here")] = None,
    failures: Annotated[
        Path | None, typer.Option(help="write the pairs with the worst results here")
    ] = None,
    record: Annotated[bool, typer.Option(help="store the scores in the checkpoint")] = False,
) -> None:
    """Measure models on held-out scenes and compare them with the unchanged input."""
    methods = [method for model in models for method in open_methods(model, light)]
    if (record or failures) and len(methods) != 1:
        raise typer.BadParameter("--record and --failures take one model")
    lamps_k = temperature_k or [light.temperature_k]
    roots = [data, ground_truth] if ground_truth else [data]
    scenes = _scenes(roots, held_out, size_px)
    if scenes:
        pairs = list(examples(scenes, light, size_px, lamps_k))
    else:
        pairs = list(paired_examples(roots, light, size_px))
    if lpips_weights is None:
        typer.echo("No --lpips-weights: LPIPS is left out.", err=True)
    lpips = Lpips.open(*lpips_weights) if lpips_weights else None
    scores = evaluate(pairs, methods, lpips=lpips, sheet=sheet, failures=failures)
    typer.echo(as_table(scores))
    if lpips:
        typer.echo(f"LPIPS with {lpips.backbone_name}.")
    casts = [_cast(scenes, light, size_px, method) for method in methods] if scenes else []
    if record:
        lamps = "/".join(map(str, lamps_k))
        num_scenes = len({pair.scene for pair in pairs})
        dataset = f"{num_scenes} held-out scenes, {size_px} px, {lamps} K"
        softness_px = measure_softness([(p.image, p.target) for p in pairs], methods[0].relight)
        _record(models[0], scores, dataset, softness_px, casts[0] if casts else None)


def _scenes(roots: Sequence[Path], num_held_out: int, size_px: int) -> ViditFolder | None:
    """Return the held-out scenes, or None if the data are a challenge's pairs."""
    if len(roots) > 1 or (not names_lights(roots[0]) and holds_pairs(roots[0])):
        return None
    folder = ViditFolder.open(roots[0])
    if num_held_out:
        _, folder = folder.split(num_held_out)
    folder.require(size_px)
    return folder


def _cast(scenes: ViditFolder, light: Light, size_px: int, method: Method) -> ColorCast:
    """Measure and print the colour cast on photos under the target light."""
    lit_already = (scenes.picture(scene, light, size_px) for scene in scenes.scenes)
    cast = measure_cast(lit_already, method.relight)
    typer.echo(f"{method.name} adds to photos under {light} already, R / G / B: {cast}")
    return cast


def _record(
    model: Path,
    scores: Sequence[Score],
    dataset: str,
    softness_px: float,
    cast: ColorCast | None,
) -> None:
    """Store the scores in the model's provenance, for the export."""
    checkpoint = load(model)
    unchanged, own = scores
    metrics: dict[str, str | float] = {
        "metrics.dataset": dataset,
        **_rounded("", own),
        **_rounded("unchanged_", unchanged),
    }
    if cast is not None:
        metrics["metrics.cast_rgb"] = str(cast)
    provenance = {**checkpoint.provenance, **metrics, "softness_px": round(softness_px, 2)}
    save(model, dataclasses.replace(checkpoint, provenance=provenance))


def _rounded(prefix: str, score: Score) -> dict[str, float]:
    """Return each mean and, if known, half of its 95 % confidence interval over scenes."""
    means = {"psnr_db": score.psnr_db, "ssim": score.ssim, "lpips": score.lpips}
    rounded = {}
    for name, mean in means.items():
        if mean is None:
            continue
        digits = 2 if name == "psnr_db" else 3
        rounded[f"metrics.{prefix}{name}"] = round(mean.value, digits)
        if not math.isnan(mean.margin):
            rounded[f"metrics.{prefix}{name}_margin"] = round(mean.margin, digits)
    return rounded
