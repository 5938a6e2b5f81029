"""Writes what a network reads from a photo as files, for other programs and for people.

    normals.png      RGB   (n + 1) / 2, x right, y up, z to the viewer: OpenGL's convention
    depth.png        grey  inverse depth: white is near, black is far
    albedo.png       RGB   sRGB: the photo over its shading, the colours without their light
    shading.png      grey  the photo's own light, in linear light
    occlusion.png    grey  share of the sky that a pixel sees
    relightable.png  grey  how surely a lamp lights a pixel: 0 for a sky
    maps.json              sizes, and what black and white stand for

All pictures have 16 bits a sample, no gamma but that of the albedo, and the proportions of the
photo at the size that the network reads.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from service.contract.buckets import unfit
from service.contract.color import linear_to_srgb, srgb_to_linear
from service.imaging import wide
from service.inference.session import Tensors
from service.relighting.depth_map import FOCAL_HALF_SIDES
from service.relighting.pipeline import Prepared

Pixels = NDArray[np.float32]

NAMES: Final = ("normals", "depth", "albedo", "shading", "occlusion", "relightable")
_WHITE: Final = 65535
_PACKING: Final = 180  # bytes for each pixel of a bucket at the worst moment, measured
_BRIGHT_SHARE: Final = 99.9  # percent; a few brighter pixels must not darken a picture


def pack_maps(prepared: Prepared, scene: Tensors, model: str) -> bytes:
    """Return a ZIP archive of the maps of one photo.

    Args:
        prepared: the photo, as the network saw it.
        scene: outputs of the scene graph: `normals` (h, w, 3), and `relief`, `log_shading`,
            `occlusion`, `relightable` (h, w), of any floating type.
        model: name and checksum of the model.
    """
    shown = {name: _shown(prepared, scene[name]) for name in scene if name != "features"}
    normals = shown["normals"]
    if prepared.mirrored:
        normals = normals * np.array([-1, 1, 1], np.float32)
    inverse_depth = np.exp(shown["relief"] / FOCAL_HALF_SIDES)
    far, near = float(inverse_depth.min()), float(inverse_depth.max())
    shading = np.exp(shown["log_shading"])
    albedo = srgb_to_linear(_shown(prepared, prepared.srgb)) / shading[..., None]
    brightest, palest = (
        max(1.0, float(np.percentile(x, _BRIGHT_SHARE))) for x in (shading, albedo)
    )
    pictures = {
        "normals": normals / np.linalg.norm(normals, axis=-1, keepdims=True) / 2 + 0.5,
        "depth": (inverse_depth - far) / max(near - far, 1e-6),
        "albedo": linear_to_srgb(albedo / palest),
        "shading": shading / brightest,
        "occlusion": shown["occlusion"],
        "relightable": shown["relightable"],
    }
    height_px, width_px = shading.shape
    about = {
        "model": model,
        "width_px": width_px,
        "height_px": height_px,
        "photo": {"width_px": prepared.photo.width_px, "height_px": prepared.photo.height_px},
        "normals": "(n + 1) / 2; x right, y up, z to the viewer (OpenGL)",
        "depth": {"black": far, "white": near, "unit": "inverse depth, 1 in the middle plane"},
        "albedo": {"black": 0.0, "white": palest, "unit": "sRGB; photo over shading"},
        "shading": {"black": 0.0, "white": brightest, "unit": "linear light, 1 on average"},
        "occlusion": "0 nothing, 1 all of the sky is seen",
        "relightable": "0 no lamp, 1 every lamp lights the pixel",
    }
    return _archive(pictures, about)


def packing_bytes(prepared: Prepared) -> int:
    """Return how much memory `pack_maps` takes for a photo, its archive included."""
    height_px, width_px = prepared.image.shape[:2]
    return int(height_px * width_px * _PACKING)


def _shown(prepared: Prepared, canvas: NDArray[Any]) -> Pixels:
    """Return the photo's part of a bucket, the right way round, its proportions restored."""
    photo = prepared.photo
    picture = unfit(canvas.astype(np.float32), photo.width_px, photo.height_px)
    if prepared.mirrored:
        picture = np.ascontiguousarray(picture[:, ::-1])
    rows, columns = picture.shape[:2]
    scale = min(rows / photo.height_px, columns / photo.width_px)
    size = (max(1, round(photo.width_px * scale)), max(1, round(photo.height_px * scale)))
    if size == (columns, rows):
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _archive(pictures: dict[str, Pixels], about: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in NAMES:
            samples = np.rint(np.clip(pictures[name], 0, 1) * _WHITE).astype(np.uint16)
            layered = samples if samples.ndim == 3 else samples[..., None]
            archive.writestr(f"{name}.png", wide.write_png(np.ascontiguousarray(layered)))
        archive.writestr("maps.json", json.dumps(about, indent=2))
    return file.getvalue()
