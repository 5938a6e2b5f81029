"""Pictures of maps, to look at: a scene in one lamp's light, in mixed light, and its parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model_export.scenes.description import FloatArray
from model_export.scenes.maps import NUM_DIRECTIONAL, SceneMaps, load_maps
from model_export.sheets import write_sheet

COLUMNS: Final = ("mixed", "one lamp", "opposite", "normals", "albedo", "occlusion", "relightable")
_EXPOSED = 0.9


def photo(maps: SceneMaps, strengths: FloatArray, *, sky: float = 0.0) -> FloatArray:
    """Compose a scene-linear picture (h, w, 3).

    Args:
        maps: the scene.
        strengths: (10,) of the lamps.
        sky: strength of light from everywhere.
    """
    lit = np.tensordot(strengths, maps.irradiance.astype(np.float32), 1)
    lit = lit + sky * maps.occlusion.astype(np.float32)
    highlight = np.tensordot(strengths, maps.specular.astype(np.float32), 1)
    surface = maps.albedo * lit[..., None] + highlight[..., None]
    return np.asarray(surface * maps.coverage[..., None] + maps.background, dtype=np.float32)


def displayed(linear: FloatArray) -> NDArray[np.uint8]:
    """Expose a scene-linear picture so that its 95th percentile is bright; 8-bit sRGB."""
    level = float(np.quantile(linear.mean(axis=2), 0.95))
    exposed = np.clip(linear * (_EXPOSED / max(level, 1e-4)), 0, 1)
    curved = np.where(exposed <= 0.0031308, 12.92 * exposed, 1.055 * exposed ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * np.clip(curved, 0, 1)), dtype=np.uint8)


def tiles(maps: SceneMaps) -> list[NDArray[np.uint8]]:
    """Draw one row of a sheet: (h, w, 3) for each of `COLUMNS`."""
    directions = maps.lamps[:NUM_DIRECTIONAL, :3]
    side = int(directions[:, 0].argmax()), int(directions[:, 0].argmin())
    mixed = np.full(len(maps.lamps), 0.12)
    mixed[side[0]] = 0.7
    single = [np.eye(len(maps.lamps))[k] for k in side]
    grey = [np.repeat(plane[..., None], 3, axis=2) for plane in (maps.occlusion, maps.relightable)]
    pictures = [photo(maps, mixed, sky=0.5), *(photo(maps, one, sky=0.06) for one in single)]
    plain = [maps.normals * 0.5 + 0.5, maps.albedo.astype(np.float32) ** (1 / 2.2), *grey]
    shown = [
        np.rint(255 * np.clip(np.asarray(x, np.float32), 0, 1)).astype(np.uint8) for x in plain
    ]
    return [displayed(picture) for picture in pictures] + shown


def maps_sheet(paths: Sequence[Path], out: Path, *, tile_px: int = 160) -> None:
    """Draw scenes, one a row, into one PNG.

    Args:
        paths: files of `save_maps`.
        out: the PNG to write.
        tile_px: side of a tile.
    """
    scenes = [(path.stem, load_maps(path)) for path in paths]
    labels = [f"{name} {maps.layout}" for name, maps in scenes]
    rows = [tiles(maps) for _, maps in scenes]
    write_sheet(out, COLUMNS, rows, row_labels=labels, tile_px=tile_px)
