"""The golden file of a model: a picture and the reference output of the exporter.

`<name>.golden.npz` holds `image`, uint8 (h, w, 3), and `relit`, float16 (num_lights, h, w, 3); of
a pair it holds the inputs and outputs of both graphs, named as in `service.contract.pair`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from service.contract.pair import LIGHT_INPUTS, LIGHT_OUTPUTS, SCENE_OUTPUTS

_SIZE_PX: Final = (96, 128)  # h, w


def golden_path(model: Path) -> Path:
    """Return where the golden file of a model lies; of a pair, for either of its files."""
    name = model.name.removesuffix(".onnx").removesuffix(".scene").removesuffix(".light")
    return model.with_name(f"{name}.golden.npz")


def golden_picture() -> NDArray[np.uint8]:
    """Return the golden picture: a ramp with noise, uint8 (96, 128, 3)."""
    height, width = _SIZE_PX
    noise = np.random.default_rng(0).integers(0, 64, (height, width, 3), np.uint8)
    ramp = np.linspace(0, 191, width).astype(np.uint8)
    return noise + ramp[None, :, None]


def write_golden(
    file: IO[bytes] | Path, image: NDArray[np.uint8], relit: NDArray[np.floating]
) -> None:
    """Store the expected output of a model.

    Args:
        file: path of the golden file.
        image: uint8 (h, w, 3); sides multiples of 16.
        relit: (num_lights, h, w, 3), sRGB-encoded, 0 to 1: one picture for each light.
    """
    np.savez_compressed(file, image=image, relit=relit.astype(np.float16))


def read_golden(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the data of `write_golden`: the image and its expected output.

    Raises:
        OSError, ValueError, KeyError: the file is broken.
    """
    with np.load(path) as golden:
        return golden["image"], golden["relit"].astype(np.float32)


def write_pair_golden(
    file: IO[bytes] | Path,
    image: NDArray[np.uint8],
    scene: Mapping[str, NDArray[np.floating]],
    lamps: Mapping[str, NDArray[np.floating]],
    arriving: Mapping[str, NDArray[np.floating]],
) -> None:
    """Store what both graphs of a pair must make.

    Args:
        file: path of the golden file.
        image: uint8 (h, w, 3); sides multiples of 16.
        scene: the scene graph's outputs for it, each (1, ...).
        lamps: `light` (n, 3) and `softness` (n,).
        arriving: the light graph's outputs (n, h, w) for `round_scene(scene)` under each lamp.
    """
    outputs = {**scene, **arriving}
    arrays: dict[str, Any] = {"image": image}
    arrays |= {name: outputs[name].astype(np.float16) for name in (*SCENE_OUTPUTS, *LIGHT_OUTPUTS)}
    arrays |= {name: lamps[name].astype(np.float32) for name in ("light", "softness")}
    np.savez_compressed(file, **arrays)


def round_scene(scene: Mapping[str, NDArray[np.floating]]) -> dict[str, NDArray[np.float32]]:
    """Return a scene as the golden file and the cache keep it, in the precision of float16.

    A ray that is blocked or free by a hair may change with the last bits: the light graph's
    golden output is that of the rounded scene.
    """
    return {name: map_.astype(np.float16).astype(np.float32) for name, map_ in scene.items()}


def read_pair_golden(path: IO[bytes] | Path) -> dict[str, NDArray[Any]]:
    """Return what `write_pair_golden` stored, by name; all but the image as float32.

    Raises:
        OSError, ValueError, KeyError: the file is broken.
    """
    names = {*SCENE_OUTPUTS, *LIGHT_INPUTS, *LIGHT_OUTPUTS}
    with np.load(path) as golden:
        return {"image": golden["image"]} | {n: golden[n].astype(np.float32) for n in names}
