"""A sheet to look at: one row a scene, one column a direction."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from model_export.data.vidit import ViditFolder
from model_export.sheets import write_sheet
from relight.lights import DIRECTIONS, Light

TILE_PX: Final = 160


def contact_sheet(data_dir: Path, out: Path, *, num_scenes: int = 16) -> None:
    """Draw scenes of a data set, spread evenly over it, into one PNG.

    Args:
        data_dir: a folder in VIDIT's layout.
        out: the PNG to write.
        num_scenes: rows at most.

    Raises:
        MissingData: the folder holds no complete scene.
    """
    folder = ViditFolder.open(data_dir)
    scenes = folder.scenes[:: max(1, len(folder.scenes) // num_scenes)][:num_scenes]
    lights = [Light(direction, folder.temperatures_k[0]) for direction in DIRECTIONS]
    write_sheet(
        out,
        DIRECTIONS,
        [[folder.picture(scene, light, TILE_PX) for light in lights] for scene in scenes],
        row_labels=[f"{scene:03d}" for scene in scenes],
        tile_px=TILE_PX,
    )
