"""The command `diagnose`: which part of a scene's reading limits a "relight/2" model.

True normals and the true light of the photo, from photometric stereo, take the place of what the
model reads. What is gained shows what a better reading would be worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer

from model_export.evaluation.real_lights.measures import change_of_light, psnr_after_gain
from model_export.evaluation.real_lights.methods import LightMethod
from model_export.evaluation.real_lights.photometric_stereo import (
    NUM_LAMPS,
    Surfaces,
    surfaces_of,
)
from model_export.evaluation.real_lights.report import as_table
from model_export.evaluation.real_lights.served import open_pair
from model_export.evaluation.real_lights.sets import LitSet, Pixels, read_sets

_COLUMNS: Final = ("", "gain dB", "direction", "local", "amount")
_KNOWN: Final[Mapping[str, Sequence[str]]] = {
    "as read": (),
    "true normals": ("normals",),
    "true light of the photo": ("log_shading",),
    "both": ("normals", "log_shading"),
}


@dataclass(slots=True, eq=False)
class _Truth:
    """Gives the maps of the set that is measured which shall take the place of the model's.

    Attributes:
        lit: the set.
        surfaces: what photometric stereo finds of it.
        names: of the maps.
    """

    lit: LitSet
    surfaces: Surfaces
    names: Sequence[str] = ()

    def __call__(self, photo: Pixels) -> Mapping[str, Pixels]:
        """Return the maps of a photo of the set."""
        maps = {}
        if "normals" in self.names:
            maps["normals"] = self.surfaces.normals
        if "log_shading" in self.names:
            shading = self.surfaces.log_shading(photo, self.lit)
            maps["log_shading"] = shading.astype(np.float32)
        return maps


def diagnose_command(
    folder: Annotated[Path, typer.Argument(help="a folder per set: lights.json, PNGs, mask.png")],
    *,
    model: Annotated[Path, typer.Option(help='either file of a "relight/2" model')],
    without: Annotated[
        list[str] | None, typer.Option(help="a set to leave out; may be repeated")
    ] = None,
) -> None:
    """Replace what a model reads from real photos by the true normals and the true light."""
    pair = open_pair(model)
    figures: dict[str, list[list[float]]] = {name: [] for name in _KNOWN}
    for lit in read_sets(folder, without or []):
        if len(lit.lights) < NUM_LAMPS or not set(lit.lights) <= set(lit.pictures):
            continue
        truth = _Truth(lit, surfaces_of(lit))
        for name, truth.names in _KNOWN.items():
            figures[name].append(_measure(lit, pair.with_maps(truth)))
    num_sets = len(figures["as read"])
    if not num_sets:
        raise typer.BadParameter(f"no set of {folder} has {NUM_LAMPS} lamps")
    means = {name: np.mean(sets, axis=0) for name, sets in figures.items()}
    rows = [[name, *(f"{value:.2f}" for value in mean)] for name, mean in means.items()]
    typer.echo(f"Sets: {num_sets}\n\n{as_table([_COLUMNS, *rows])}")


def _measure(lit: LitSet, method: LightMethod) -> list[float]:
    """Return gain, direction, local and amount, the means over the set's pairs."""
    rows = []
    for pair in lit.pairs:
        photo, target = lit.pictures[pair.input], lit.pictures[pair.target]
        output = method.relight(photo, lit.lights[pair.target], None)
        change = change_of_light(photo, output, target, lit.mask)
        psnr_db = [psnr_after_gain(picture, target, lit.mask) for picture in (output, photo)]
        rows.append([psnr_db[0] - psnr_db[1], change.direction, change.local, change.amount])
    return [float(mean) for mean in np.mean(rows, axis=0)]
