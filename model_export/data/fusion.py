"""Shadow-free targets by exposure fusion (Mertens et al. 2007; the DRN paper, section 3.3).

The pictures of a scene under many lights are fused as if they were exposures: each pixel comes
mostly from the pictures in which it is well exposed, saturated and textured, so shadows vanish.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from model_export.data.sources import Picture
from model_export.data.vidit import ViditFolder
from relight.atomic import replacing
from relight.lights import DIRECTIONS, VIDIT_TEMPERATURES_K, Light


def fuse(pictures: Sequence[Picture]) -> Picture:
    """Fuse pictures of one scene, each (h, w, 3), by contrast, saturation and exposure."""
    mertens = cv2.createMergeMertens(1.0, 1.0, 1.0)
    fused = mertens.process([np.ascontiguousarray(picture) for picture in pictures])
    return np.asarray(np.rint(np.clip(fused, 0, 1) * 255), dtype=np.uint8)


def fuse_folder(folder: ViditFolder, size_px: int) -> None:
    """Write the shadow-free picture of every scene that lacks one of this size."""
    out = folder.shadow_free_folder
    out.mkdir(exist_ok=True)
    lights = [Light(direction, k) for direction in DIRECTIONS for k in VIDIT_TEMPERATURES_K]
    for scene in tqdm(folder.scenes, desc="fusing", unit="scene"):
        path = out / f"Image{scene:03d}.png"
        if _has_size(path, size_px):
            continue
        fused = fuse([folder.picture(scene, light, size_px) for light in lights])
        with replacing(path) as stream:
            Image.fromarray(fused).save(stream, format="png")


def _has_size(path: Path, size_px: int) -> bool:
    if not path.exists():
        return False
    with Image.open(path) as picture:
        return picture.size == (size_px, size_px)
