"""What the renderer knows of one view: geometry, reflectance, and what each lamp does."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relight.atomic import replacing

NIGHT_LAYOUT = "night"  # its lamps stand near, and there is no other light
NUM_DIRECTIONAL = 8
NUM_POINT = 2
NUM_LAMPS = NUM_DIRECTIONAL + NUM_POINT


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SceneMaps:
    """One rendered scene: what a camera sees of it, and what each lamp does to it.

    Camera frame: x right, y up, z towards the viewer. A photo of the scene is
    `coverage * albedo * sum(strength * irradiance) + specular + background`. Where a pixel holds
    several surfaces, values are means over the covered share of the pixel.

    Attributes:
        layout: name of the layout.
        field_of_view_deg: angle from edge to edge; horizontal = vertical (square picture).
        normals: (h, w, 3) float16, unit length, camera frame; (0, 0, 1) where there is nothing.
        depth: (h, w) float32, along the viewing axis, scene units; 0 where there is nothing.
        albedo: (h, w, 3) float16, scene-linear sRGB reflectance in [0, 1].
        occlusion: (h, w) float16, share of the cosine-weighted sky that is seen: 1 open, 0 closed.
        coverage: (h, w) float16, share of the pixel that a surface covers; 0 in the sky.
        background: (h, w, 3) float16, radiance of what lies behind or glows by itself, where a
            lamp gives irradiance 1; sky is multiplied by (1 - coverage).
        relightable: (h, w) float16, 1 for surfaces that a lamp should light; 0 for sky, plain
            backdrops far behind, mirrors, water and emitters.
        lamps: (10, 4) float32, camera frame: 8 unit directions to a lamp (w = 0), then 2 lamp
            positions relative to the camera (w = 1).
        lamp_softness: (10,) float32, angular radius of the lamp, radians.
        irradiance: (10, h, w) float16, cosine times visibility of a lamp of strength 1; for a
            point lamp times its falloff, which is 1 at the distance of the picture's subject.
        specular: (10, h, w) float16, highlight radiance of the same lamps.
    """

    layout: str
    field_of_view_deg: float
    normals: NDArray[np.float16]
    depth: NDArray[np.float32]
    albedo: NDArray[np.float16]
    occlusion: NDArray[np.float16]
    coverage: NDArray[np.float16]
    background: NDArray[np.float16]
    relightable: NDArray[np.float16]
    lamps: NDArray[np.float32]
    lamp_softness: NDArray[np.float32]
    irradiance: NDArray[np.float16]
    specular: NDArray[np.float16]


def save_maps(maps: SceneMaps, path: Path) -> None:
    """Write maps as `.npz`; a reader sees the whole file or none."""
    arrays: dict[str, Any] = {f.name: np.asarray(getattr(maps, f.name)) for f in fields(maps)}
    with replacing(path) as stream:
        np.savez(stream, **arrays)


def load_maps(path: Path) -> SceneMaps:
    """Read what `save_maps` wrote.

    Raises:
        OSError: the file is missing.
        KeyError: it lacks one of the maps.
    """
    with np.load(path, allow_pickle=False) as stored:
        arrays = {field.name: stored[field.name] for field in fields(SceneMaps)}
    arrays["layout"] = str(arrays["layout"])
    arrays["field_of_view_deg"] = float(arrays["field_of_view_deg"])
    return SceneMaps(**arrays)
