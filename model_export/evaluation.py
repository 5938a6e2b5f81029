"""How good a relighting is: PSNR and SSIM on pairs that nobody trained on.

Every table has the unchanged input beside the models. A model that does not clearly beat it
does nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import onnxruntime
import torch
from scipy import stats
from skimage.metrics import structural_similarity
from tqdm import tqdm

from model_export.checkpoint import Checkpoint, load
from model_export.sheets import write_sheet
from model_export.vidit import Picture, ViditFolder, to_picture, to_tensor
from service.contract import INPUT_NAME, LIGHT_NAME, ModelContract
from service.lights import DIRECTIONS, Light

Relight = Callable[[Picture], Picture]

UNCHANGED: Final = "unchanged input"
_CONFIDENCE: Final = 0.95


class Example(NamedTuple):
    """One held-out pair."""

    scene: int
    light: Light
    image: Picture
    target: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Mean over pairs; the margins are half of a 95 % confidence interval over scenes.

    Attributes:
        method: what was measured.
        num_pairs: how many pairs.
        psnr_db: peak signal-to-noise ratio of 8-bit sRGB codes.
        psnr_margin_db: its margin.
        ssim: structural similarity (Wang et al. 2004, 7x7 windows, channels averaged).
        ssim_margin: its margin.
    """

    method: str
    num_pairs: int
    psnr_db: float
    psnr_margin_db: float
    ssim: float
    ssim_margin: float


def psnr_db(picture: Picture, target: Picture) -> float:
    """Return 10 log10(255^2 / mean squared error); infinite for equal pictures."""
    error = np.mean((picture.astype(np.float64) - target) ** 2)
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def ssim(picture: Picture, target: Picture) -> float:
    """Return the structural similarity, 1 for equal pictures."""
    return float(structural_similarity(picture, target, channel_axis=2, data_range=255))


def examples(
    folder: ViditFolder, target: Light, size_px: int, temperatures_k: Sequence[int]
) -> Iterator[Example]:
    """Yield each scene under every other direction at the given temperatures, with its target."""
    for scene in folder.scenes:
        wanted = folder.picture(scene, target, size_px)
        for direction in DIRECTIONS:
            if direction == target.direction:
                continue
            for temperature_k in temperatures_k:
                light = Light(direction, temperature_k)
                yield Example(scene, light, folder.picture(scene, light, size_px), wanted)


def evaluate(
    held_out: Sequence[Example], methods: Mapping[str, Relight], sheet: Path | None = None
) -> list[Score]:
    """Measure the unchanged input and each method on the same pairs.

    Args:
        held_out: the pairs, grouped by scene.
        methods: name -> a function from the input picture to the relit one.
        sheet: where to write a contact sheet with one row a scene; None writes none.
    """
    named = {UNCHANGED: lambda picture: picture, **methods}
    results: dict[str, list[tuple[int, float, float]]] = {name: [] for name in named}
    rows: dict[int, list[Picture]] = {}
    for example in tqdm(held_out, desc="evaluating", unit="pair"):
        relit = {name: method(example.image) for name, method in named.items()}
        for name, picture in relit.items():
            score = (psnr_db(picture, example.target), ssim(picture, example.target))
            results[name].append((example.scene, *score))
        rows.setdefault(example.scene, [*relit.values(), example.target])
    if sheet:
        write_sheet(sheet, [*named, "target"], list(rows.values()))
    return [_summary(name, values) for name, values in results.items()]


def as_table(scores: Sequence[Score]) -> str:
    """Return the scores as a Markdown table."""
    lines = ["| method | pairs | PSNR dB | SSIM |", "|---|---|---|---|"]
    lines += [
        f"| {score.method} | {score.num_pairs} "
        f"| {score.psnr_db:.2f}{_margin(score.psnr_margin_db, 2)} "
        f"| {score.ssim:.3f}{_margin(score.ssim_margin, 3)} |"
        for score in scores
    ]
    return "\n".join(lines)


def _margin(value: float, num_digits: int) -> str:
    """Write a margin; one scene has none."""
    return "" if math.isnan(value) else f" ± {value:.{num_digits}f}"


class LightNotRendered(ValueError):
    """A model does not render the light that it shall be measured by."""


def relight_with(model: Path, target: Light) -> Relight:
    """Return the relighting of an exported `.onnx` file, or of a checkpoint.

    Raises:
        LightNotRendered: the model renders other lights.
        CheckpointError, ModelRefused: the file is something else.
    """
    if model.suffix == ".onnx":
        return _relight_with_onnx(model, target)
    return relight_with_checkpoint(load(model), target)


def relight_with_checkpoint(checkpoint: Checkpoint, target: Light) -> Relight:
    """Return the relighting of a checkpoint, run by PyTorch on the CPU.

    Raises:
        LightNotRendered: the checkpoint renders other lights.
    """
    light = torch.tensor([_index(tuple(map(Light.parse, checkpoint.lights)), target)])
    network = checkpoint.network()

    @torch.inference_mode()
    def relight(picture: Picture) -> Picture:
        return to_picture(network(to_tensor(picture)[None], light)[0])

    return relight


def _relight_with_onnx(model: Path, target: Light) -> Relight:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    lights = ModelContract.from_metadata(metadata).lights
    index = _index(lights, target)
    light = {LIGHT_NAME: np.array([index])} if len(lights) > 1 else {}

    def relight(picture: Picture) -> Picture:
        (relit,) = session.run(None, {INPUT_NAME: picture[None], **light})
        return np.asarray(np.rint(relit[0] * 255), dtype=np.uint8)

    return relight


def _index(lights: Sequence[Light], target: Light) -> int:
    if target not in lights:
        rendered = ", ".join(map(str, lights))
        raise LightNotRendered(f"the model renders {rendered}, not {target}")
    return lights.index(target)


def _summary(method: str, values: Sequence[tuple[int, float, float]]) -> Score:
    scenes = sorted({scene for scene, _, _ in values})
    by_scene = np.array(
        [
            np.mean([(psnr, similarity) for at, psnr, similarity in values if at == scene], axis=0)
            for scene in scenes
        ]
    )  # (scenes, 2)
    margins = [float("nan")] * 2
    if len(scenes) > 1:
        factor = stats.t.ppf((1 + _CONFIDENCE) / 2, len(scenes) - 1)
        margins = list(factor * stats.sem(by_scene, axis=0))
    means = by_scene.mean(axis=0)
    return Score(
        method=method,
        num_pairs=len(values),
        psnr_db=float(means[0]),
        psnr_margin_db=float(margins[0]),
        ssim=float(means[1]),
        ssim_margin=float(margins[1]),
    )
