"""The proof that a pair of exported graphs computes what `drn-g` computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from model_export.export.pair_graphs import LightGraph, SceneGraph
from model_export.export.parity import ParityError, probe_images
from model_export.networks.drn_g import DrnG
from service.contract.pair import LIGHT_OUTPUTS, SCENE_OUTPUTS, SURFACE_NAMES, Part

Maps = Mapping[str, NDArray[Any]]

# Weights are rounded to 16 bits, and a march decides at thresholds: a few pixels may differ more.
MEAN_ATOL: Final = 2e-3
SHARE_ATOL: Final = 2e-2
_MOST_OFF: Final = 1e-3  # share of pixels that may differ by more than `SHARE_ATOL`


def prove_pair_parity(
    network: DrnG, contents: Mapping[Part, bytes], shapes: Sequence[tuple[int, int]]
) -> float:
    """Run both graphs beside the network: three pictures in one batch, then one alone.

    The light graph gets what the scene graph made, and the network the same.

    Args:
        network: the original, in evaluation mode.
        contents: the ONNX files.
        shapes: (h, w) to run, in pixels.

    Returns:
        The largest mean difference of a map.

    Raises:
        ParityError: a mean difference is over `MEAN_ATOL`, or more than a thousandth of the
            pixels differ by more than `SHARE_ATOL`, or something is not a number.
    """
    sessions = {
        part: ort.InferenceSession(content, providers=["CPUExecutionProvider"])
        for part, content in contents.items()
    }
    worst = 0.0
    for height, width in shapes:
        images = probe_images(height, width)
        for batch in (images, images[1:2]):
            scene = _run(sessions["scene"], {"image": batch}, SCENE_OUTPUTS)
            worst = max(worst, _compare(scene, run_scene(network, batch)))
            lit = {name: scene[name] for name in SURFACE_NAMES} | _lamps(len(batch))
            arriving = _run(sessions["light"], lit, LIGHT_OUTPUTS)
            worst = max(worst, _compare(arriving, run_light(network, lit)))
    return worst


@torch.inference_mode()
def run_scene(network: DrnG, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Read scenes with PyTorch: uint8 (n, h, w, 3) to `SCENE_OUTPUTS`."""
    maps = SceneGraph(network)(torch.from_numpy(images))
    return {name: map_.numpy() for name, map_ in zip(SCENE_OUTPUTS, maps, strict=True)}


@torch.inference_mode()
def run_light(network: DrnG, inputs: Maps) -> dict[str, NDArray[np.float32]]:
    """Light scenes with PyTorch: `LIGHT_INPUTS` to `LIGHT_OUTPUTS`."""
    names = (*SURFACE_NAMES, "light", "softness")
    maps = LightGraph(network)(*(torch.from_numpy(inputs[name]) for name in names))
    return {name: map_.numpy() for name, map_ in zip(LIGHT_OUTPUTS, maps, strict=True)}


def _run(
    session: ort.InferenceSession, inputs: Maps, outputs: Mapping[str, Any]
) -> dict[str, NDArray[np.float32]]:
    made = session.run(list(outputs), dict(inputs))
    return dict(zip(outputs, made, strict=True))


def _lamps(num: int) -> dict[str, NDArray[np.float32]]:
    light = np.random.default_rng(0).normal(size=(num, 3)) + np.array([0, 0.5, 0.5])
    light /= np.linalg.norm(light, axis=1, keepdims=True)
    return {"light": light.astype(np.float32), "softness": np.linspace(0, 1, num, dtype=np.float32)}


def _compare(found: Maps, expected: Maps) -> float:
    worst = 0.0
    for name, wanted in expected.items():
        off = np.abs(found[name] - wanted)
        mean, share = float(off.mean()), float((off > SHARE_ATOL).mean())
        if not (mean <= MEAN_ATOL and share <= _MOST_OFF):  # NaN is no agreement
            raise ParityError(
                f"{name} of graph and network differ by {mean:.2g} in the mean, and in"
                f" {share:.2%} of the pixels by more than {SHARE_ATOL}"
            )
        worst = max(worst, mean)
    return worst
