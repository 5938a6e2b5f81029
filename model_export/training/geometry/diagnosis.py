"""The command `diagnose-rendered`: which part of `drn-g` limits it on scenes that it has not seen.

The renderer's truths take the place of what the network reads or computes, one after another. What
is gained shows what a better part would be worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from model_export.evaluation.real_lights.measures import change_of_light, psnr_after_gain
from model_export.evaluation.real_lights.report import as_table
from model_export.evaluation.real_lights.sets import Mask
from model_export.networks.drn_g import DrnG
from model_export.scenes.generate import EmptyView, generate_scene
from model_export.streaming.feed import Batch
from model_export.streaming.pool import ScenePool
from model_export.streaming.samples import batch, draw_sample
from model_export.training.geometry.command import read_weights
from service.contract.color import linear_to_srgb, srgb_to_linear

_SEED: Final = 1_000_000_000  # of the first scene; training begins at 0
_SAMPLES_OF_A_SCENE: Final = 2
_SURE: Final = 0.9  # coverage from which a pixel shows one surface
_MAPS: Final = ("normals", "relief", "log_shading", "occlusion", "relightable")
_COLUMNS: Final = ("", "gain dB", "direction", "local", "amount")
_KNOWN: Final[Mapping[str, Sequence[str]]] = {
    "as read": (),
    "true normals": ("normals",),
    "true relief, on which shadows are traced": ("relief",),
    "true nearness of the lamp": ("nearness",),
    "true normals, relief and nearness": ("normals", "relief", "nearness"),
    "true light of the lamp, shadows included": ("irradiance",),
    "true light of the photo": ("log_shading",),
    "true occlusion": ("occlusion",),
    "true sky and relightable area": ("relightable",),
    "all": ("irradiance", "log_shading", "occlusion", "relightable"),
}


def diagnose_rendered_command(
    weights: Annotated[Path, typer.Argument(help="a checkpoint .pt, or a .scene.onnx")],
    *,
    num_scenes: Annotated[int, typer.Option(min=1, help="scenes to render")] = 100,
    size_px: Annotated[int, typer.Option(min=32, help="side of the pictures")] = 192,
) -> None:
    """Replace what drn-g reads from rendered scenes by the truth, part by part."""
    network = DrnG()
    network.load_state_dict(read_weights(weights))
    network.eval()
    figures: dict[str, list[list[float]]] = {name: [] for name in _KNOWN}
    for sample in tqdm(_samples(num_scenes, size_px), total=num_scenes * _SAMPLES_OF_A_SCENE):
        mask = (sample["coverage"] > _SURE)[0, 0].numpy()
        if not mask.any():
            continue
        for name, ratio in _ratios(network, sample):
            figures[name].append(_measure(sample, ratio, mask))
    means = {name: np.mean(rows, axis=0) for name, rows in figures.items()}
    rows = [[name, *(f"{value:.2f}" for value in mean)] for name, mean in means.items()]
    num_measured = len(figures["as read"])
    typer.echo(f"Samples: {num_measured}\n\n{as_table([_COLUMNS, *rows])}")


def _samples(num_scenes: int, size_px: int) -> Iterator[Batch]:
    """Yield samples of new scenes, each a batch of one."""
    rng, seed = np.random.default_rng(0), _SEED
    for _ in range(num_scenes):
        pool = ScenePool(1)
        while not len(pool):
            with suppress(EmptyView):
                pool.add(generate_scene(seed, size_px=size_px))
            seed += 1
        for _ in range(_SAMPLES_OF_A_SCENE):
            drawn = batch([draw_sample(pool.choose(rng), size_px, rng)])
            yield {name: torch.from_numpy(value).float() for name, value in drawn.items()}


@torch.no_grad()
def _ratios(network: DrnG, sample: Batch) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the log ratio of a batch of one for each part that is known, (h, w)."""
    read = network.scene_reconversion(sample["photo"])
    surface = sample["coverage"] > _SURE
    for name, known in _KNOWN.items():
        structure = read._replace(
            **{
                part: torch.where(surface, sample[part], getattr(read, part))
                for part in known
                if part in _MAPS
            }
        )
        if "nearness" in known:
            nearness = sample["nearness"][:, :, None, None].expand_as(read.features[:, :1])
            features = torch.cat([read.features[:, :-1], nearness], dim=1)
            structure = structure._replace(features=features)
        arriving = network.shadow_prior(structure, sample["light"], torch.zeros(1))
        if "irradiance" in known:
            arriving = arriving._replace(irradiance=sample["irradiance"])
        ratio = network.rerenderer(structure, arriving, sample["ambient"][:, 0])
        yield name, ratio[0, 0].numpy()


def _measure(sample: Batch, ratio: NDArray[np.float32], mask: Mask) -> list[float]:
    """Return gain, direction, local and amount of the photo times a ratio, given as its log."""
    photo, target = (sample[name][0].permute(1, 2, 0).numpy() for name in ("photo", "relit"))
    relit = srgb_to_linear(photo) * np.exp(ratio)[..., None]
    relit *= srgb_to_linear(target).mean() / max(float(relit.mean()), 1e-6)
    output = linear_to_srgb(relit.clip(0, 1))
    change = change_of_light(photo, output, target, mask)
    gain_db = psnr_after_gain(output, target, mask) - psnr_after_gain(photo, target, mask)
    return [gain_db, change.direction, change.local, change.amount]
