"""Synthetic sets of which the truth is known: a matt, patterned sphere before a dark backdrop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from model_export.evaluation.real_lights.lamps import unit_vector
from service.contract.color import linear_to_srgb

HEIGHT_PX, WIDTH_PX = 64, 80
AMBIENT, BACKDROP = 0.08, 0.03

LAMPS = {
    "east.png": unit_vector(100, 25),
    "west.png": unit_vector(255, 35),
    "south.png": unit_vector(175, 20),
    "left.png": unit_vector(210, 10),
    "high.png": unit_vector(150, 70),
}
MORE_LAMPS = {**LAMPS, "front.png": unit_vector(190, 45), "rim.png": unit_vector(120, 40)}


def sphere() -> tuple[np.ndarray, np.ndarray]:
    """Return the sphere's normals, (h, w, 3), and its mask, (h, w)."""
    y, x = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    x, y = (x - WIDTH_PX / 2) / 26, (HEIGHT_PX / 2 - y) / 26
    depth = np.sqrt(np.maximum(1 - x * x - y * y, 0))
    return np.stack([x, y, depth], axis=2), x * x + y * y < 1


def lit_by(*lights: np.ndarray) -> np.ndarray:
    """Return the scene in sRGB, float32 (h, w, 3), under the mean of some lamps."""
    normals, mask = sphere()
    pattern = 0.5 + 0.2 * np.random.default_rng(0).random((HEIGHT_PX, WIDTH_PX, 3))
    arriving = np.mean([np.maximum(normals @ light, 0) for light in lights], axis=0)
    linear = np.where(mask[..., None], pattern * (AMBIENT + arriving[..., None]), BACKDROP)
    return linear_to_srgb(np.clip(linear, 0, 1)).astype(np.float32)


def write_set(
    root: Path,
    name: str = "sphere",
    *,
    masked: bool = True,
    lamps: Mapping[str, np.ndarray] = LAMPS,
) -> Path:
    """Write the sphere under each lamp, with an evenly lit picture; return the set's folder."""
    folder = root / name
    folder.mkdir(parents=True)
    for file, light in lamps.items():
        write_png(folder / file, lit_by(light))
    write_png(folder / "even.png", lit_by(*lamps.values()))
    if masked:
        write_png(folder / "mask.png", sphere()[1].astype(np.float32))
    write_lights(folder, {file: light.tolist() for file, light in lamps.items()})
    return folder


def write_png(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(path)


def write_lights(folder: Path, lights: object) -> None:
    (folder / "lights.json").write_text(json.dumps(lights))
