"""Measures relighting methods: PSNR, SSIM and LPIPS on held-out pairs.

Every table includes the unchanged input. A model that does not clearly beat it does nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import numpy as np
import torch
from scipy import stats
from skimage.metrics import structural_similarity
from tqdm import tqdm

from model_export.data.examples import Example
from model_export.data.sources import Picture
from model_export.evaluation.failures import WorstPairs
from model_export.evaluation.lpips import Lpips
from model_export.evaluation.methods import Method
from model_export.sheets import write_sheet

UNCHANGED: Final = "unchanged input"
_CONFIDENCE: Final = 0.95
_MOST_ROWS: Final = 15  # of a contact sheet


class Mean(NamedTuple):
    """A mean over scenes, and half of its 95 % confidence interval (NaN for one scene)."""

    value: float
    margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The quality and the cost of a method.

    Attributes:
        method: its name.
        num_pairs: number of pairs.
        psnr_db: peak signal-to-noise ratio of 8-bit sRGB codes.
        ssim: structural similarity (Wang et al. 2004, 7x7 windows, channels averaged).
        lpips: perceptual distance, or None if not measured.
        cpu_s: median time of one CPU thread for one picture.
        num_parameters: number of learned parameters; None if unknown.
    """

    method: str
    num_pairs: int
    psnr_db: Mean
    ssim: Mean
    lpips: Mean | None
    cpu_s: float
    num_parameters: int | None


def psnr_db(picture: Picture, target: Picture) -> float:
    """Return 10 log10(255^2 / mean squared error); infinite for equal pictures."""
    error = np.mean((picture.astype(np.float64) - target) ** 2)
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def ssim(picture: Picture, target: Picture) -> float:
    """Return the structural similarity, 1 for equal pictures."""
    return float(structural_similarity(picture, target, channel_axis=2, data_range=255))


def evaluate(
    held_out: Sequence[Example],
    methods: Sequence[Method],
    *,
    lpips: Lpips | None = None,
    sheet: Path | None = None,
    failures: Path | None = None,
) -> list[Score]:
    """Measure the unchanged input and each method on the same pairs.

    Args:
        held_out: the pairs.
        methods: the methods.
        lpips: the perceptual metric; None omits it.
        sheet: path of a contact sheet with one row per scene; None writes none.
        failures: path of a sheet of the last method's worst pairs; None writes none.
    """
    named = [Method(UNCHANGED, lambda picture: picture), *methods]
    measured: list[list[_Measured]] = [[] for _ in named]
    shown = _shown(held_out)
    rows = []
    worst = WorstPairs(named[-1].name)
    with _one_thread():
        for index, example in enumerate(tqdm(held_out, desc="evaluating", unit="pair")):
            row = []
            for method, results in zip(named, measured, strict=True):
                began_s = time.process_time()
                relit = method.relight(example.image)
                results.append(_measure(relit, example, time.process_time() - began_s, lpips))
                row.append(relit)
            if index in shown:
                rows.append([*row, example.target])
            before_db, after_db = (measured[rank][-1].metrics[0] for rank in (0, -1))
            worst.see(example, row[-1], after_db - before_db)
    if sheet:
        write_sheet(sheet, [*(method.name for method in named), "target"], rows)
    if failures:
        worst.write(failures)
    return [_summary(m, results) for m, results in zip(named, measured, strict=True)]


def as_table(scores: Sequence[Score]) -> str:
    """Return the scores as a Markdown table, with a column for LPIPS if it was measured."""
    columns: dict[str, Callable[[Score], str]] = {
        "method": lambda score: score.method,
        "parameters": lambda score: _count(score.num_parameters),
        "CPU ms": lambda score: f"{1000 * score.cpu_s:.0f}",
        "pairs": lambda score: str(score.num_pairs),
        "PSNR dB": lambda score: _with_margin(score.psnr_db, 2),
        "SSIM": lambda score: _with_margin(score.ssim, 3),
    }
    if any(score.lpips for score in scores):
        columns["LPIPS"] = lambda score: _with_margin(score.lpips, 3)
    lines = [list(columns), ["---"] * len(columns)]
    lines += [[text(score) for text in columns.values()] for score in scores]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _with_margin(mean: Mean | None, num_digits: int) -> str:
    """Format a mean with its margin; a single scene has none."""
    if mean is None:
        return ""
    margin = "" if math.isnan(mean.margin) else f" ± {mean.margin:.{num_digits}f}"
    return f"{mean.value:.{num_digits}f}{margin}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number / 1e6:.2f} M"


class _Measured(NamedTuple):
    scene: int
    cpu_s: float
    metrics: tuple[float, ...]  # PSNR, SSIM and, if measured, LPIPS


def _measure(relit: Picture, example: Example, cpu_s: float, lpips: Lpips | None) -> _Measured:
    metrics = [psnr_db(relit, example.target), ssim(relit, example.target)]
    if lpips:
        metrics.append(lpips.distance(relit, example.target))
    return _Measured(example.scene, cpu_s, tuple(metrics))


def _summary(method: Method, measured: Sequence[_Measured]) -> Score:
    scenes = sorted({each.scene for each in measured})
    by_scene = np.array(
        [np.mean([m.metrics for m in measured if m.scene == scene], axis=0) for scene in scenes]
    )  # (scenes, metrics)
    margins = np.full(by_scene.shape[1], np.nan)
    if len(scenes) > 1:
        factor = stats.t.ppf((1 + _CONFIDENCE) / 2, len(scenes) - 1)
        margins = factor * stats.sem(by_scene, axis=0)
    means = [Mean(*map(float, each)) for each in zip(by_scene.mean(axis=0), margins, strict=True)]
    return Score(
        method=method.name,
        num_pairs=len(measured),
        psnr_db=means[0],
        ssim=means[1],
        lpips=means[2] if len(means) > 2 else None,
        cpu_s=median(each.cpu_s for each in measured),
        num_parameters=method.num_parameters,
    )


def _shown(held_out: Sequence[Example]) -> set[int]:
    """Choose the examples of a contact sheet: one per scene, each from a different light."""
    by_scene: dict[int, list[int]] = {}
    for index, example in enumerate(held_out):
        by_scene.setdefault(example.scene, []).append(index)
    stride = -(-len(by_scene) // _MOST_ROWS)
    chosen = list(by_scene.values())[::stride]
    return {indices[rank % len(indices)] for rank, indices in enumerate(chosen)}


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let PyTorch compute on one thread: waiting threads would count as CPU time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
