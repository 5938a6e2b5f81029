"""The command `diagnose`: which part of a scene's reading limits a "relight/2" model.

True normals and the true light of the photo, from photometric stereo, take the place of what the
model reads. What is gained shows what a better reading would be worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer

from model_export.evaluation.real_lights.measures import change_of_light, psnr_after_gain
from model_export.evaluation.real_lights.photometric_stereo import (
    LEAST_LAMPS,
    Surfaces,
    surfaces_of,
)
from model_export.evaluation.real_lights.served import open_relight_2
from model_export.evaluation.real_lights.sets import LitSet, Pixels, read_sets

_KNOWN: Final[Mapping[str, Sequence[str]]] = {
    "as read": (),
    "true normals": ("normals",),
    "true light of the photo": ("log_shading",),
    "both": ("normals", "log_shading"),
}


def diagnose_command(
    folder: Annotated[Path, typer.Argument(help="one folder a set: lights.json, PNGs, mask.png")],
    *,
    model: Annotated[Path, typer.Option(help='either file of a "relight/2" model')],
    without: Annotated[
        list[str] | None, typer.Option(help="a set to leave out; may be repeated")
    ] = None,
) -> None:
    """Put true normals and true light in the place of what a model reads from real photos."""
    figures: dict[str, list[list[float]]] = {name: [] for name in _KNOWN}
    for lit in read_sets(folder, without or []):
        if len(lit.lights) < LEAST_LAMPS or not set(lit.lights) <= set(lit.pictures):
            continue
        surfaces = surfaces_of(lit)
        for name, maps in _KNOWN.items():
            figures[name].append(_measure(lit, model, surfaces, maps))
    if not figures["as read"]:
        raise typer.BadParameter(f"no set of {folder} has {LEAST_LAMPS} lamps")
    typer.echo(f"Sets: {len(figures['as read'])}\n\n| | gain dB | direction | local | amount |")
    typer.echo("|---|---|---|---|---|")
    for name, sets in figures.items():
        cells = (f"{mean:.2f}" for mean in np.mean(sets, axis=0))
        typer.echo(f"| {name} | {' | '.join(cells)} |")


def _measure(lit: LitSet, model: Path, surfaces: Surfaces, maps: Sequence[str]) -> list[float]:
    """Return gain, direction, local and amount, the means over the set's pairs."""

    def known(photo: Pixels) -> Mapping[str, Pixels]:
        true = {
            "normals": surfaces.normals,
            "log_shading": surfaces.log_shading(photo, lit).astype(np.float32),
        }
        return {name: true[name] for name in maps}

    method = open_relight_2(model, known)
    rows = []
    for pair in lit.pairs:
        photo, target = lit.pictures[pair.input], lit.pictures[pair.target]
        output = method.relight(photo, lit.lights[pair.target], None)
        change = change_of_light(photo, output, target, lit.mask)
        psnr_db = [psnr_after_gain(picture, target, lit.mask) for picture in (output, photo)]
        rows.append([psnr_db[0] - psnr_db[1], change.direction, change.local, change.amount])
    return [float(mean) for mean in np.mean(rows, axis=0)]
