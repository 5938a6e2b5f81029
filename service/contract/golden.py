"""The golden file beside a model: a picture, and what the exporter's reference made of it.

`<name>.golden.npz` holds `image`, uint8 (h, w, 3), and `relit`, float16 (num_lights, h, w, 3).
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

_SIZE_PX: Final = (96, 128)  # h, w


def golden_path(model: Path) -> Path:
    """Return where the golden file of a model lies."""
    return model.with_suffix(".golden.npz")


def golden_picture() -> NDArray[np.uint8]:
    """Return the picture to compare by: a ramp with noise, uint8 (96, 128, 3)."""
    height, width = _SIZE_PX
    noise = np.random.default_rng(0).integers(0, 64, (height, width, 3), np.uint8)
    ramp = np.linspace(0, 191, width).astype(np.uint8)
    return noise + ramp[None, :, None]


def write_golden(
    file: IO[bytes] | Path, image: NDArray[np.uint8], relit: NDArray[np.floating]
) -> None:
    """Store what a model must make.

    Args:
        file: where to.
        image: uint8 (h, w, 3); sides multiples of 16.
        relit: (num_lights, h, w, 3), sRGB-encoded, 0 to 1: one picture for each light.
    """
    np.savez_compressed(file, image=image, relit=relit.astype(np.float16))


def read_golden(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return what `write_golden` stored: the image, and what must be made of it.

    Raises:
        OSError, ValueError, KeyError: the file is broken.
    """
    with np.load(path) as golden:
        return golden["image"], golden["relit"].astype(np.float32)
