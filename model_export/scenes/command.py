"""The commands `render` and `maps`: scenes as photos under eight lights, or as maps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from model_export.scenes.appearance import maps_sheet
from model_export.scenes.contact import contact_sheet
from model_export.scenes.dataset import render_scenes
from model_export.scenes.generate import EmptyView, generate_scene
from model_export.scenes.maps import save_maps

_SHEET_ROWS = 24


def render_command(
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
        render_scenes(
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
    contact_sheet(out, out / "contact.png")


def maps_command(
    out: Annotated[Path, typer.Argument(help="the folder to fill")],
    num_scenes: Annotated[int, typer.Option(help="how many scenes")] = 24,
    *,
    first_seed: Annotated[int, typer.Option(help="seed of the first scene; counts up")] = 0,
    size_px: int = 160,
    samples: Annotated[int, typer.Option(help="samples per pixel")] = 4,
) -> None:
    """Render everyday scenes as maps: geometry, albedo, and the light of ten lamps.

    Writes SEED.npz for each scene and contact.png. Seeds whose view is empty are left out, and
    files that exist are kept, so that a run that was stopped goes on where it was.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    seed = first_seed
    try:
        with tqdm(total=num_scenes, unit="scene") as bar:
            while len(paths) < num_scenes:
                path = out / f"{seed:06d}.npz"
                if path.exists() or _rendered(seed, path, size_px, samples):
                    paths.append(path)
                    bar.update()
                seed += 1
    except ValueError as error:  # no usable variant
        raise typer.BadParameter(str(error)) from None
    maps_sheet(paths[:_SHEET_ROWS], out / "contact.png")


def _rendered(seed: int, path: Path, size_px: int, samples: int) -> bool:
    """Render one scene to a file, unless its view is empty."""
    try:
        save_maps(generate_scene(seed, size_px, samples), path)
    except EmptyView:
        return False
    return True
