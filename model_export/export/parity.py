"""Checks that an exported graph gives the same results as the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from model_export.networks.base import RelightingNetwork
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, OUTPUT_NAME


class ParityError(RuntimeError):
    """The results of the exported graph differ from the network's."""


def prove_parity(
    network: RelightingNetwork, content: bytes, shapes: Sequence[tuple[int, int]], atol: float
) -> float:
    """Compare a graph with its network: three pictures in one batch, then each alone.

    Args:
        network: the original, in evaluation mode; each picture uses a different light.
        content: the ONNX file.
        shapes: (h, w) to run, in pixels.
        atol: largest absolute difference allowed, in units of the output (0 to 1).

    Returns:
        The largest absolute difference found.

    Raises:
        ParityError: a difference exceeds `atol` or is not a number.
    """
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    worst = 0.0
    for turn, (height, width) in enumerate(shapes):
        images = probe_images(height, width)
        lights = (np.arange(len(images)) + len(images) * turn) % network.num_lights
        batch = _run(session, images, lights)
        for image, light, in_batch in zip(images, lights, batch, strict=True):
            alone = _run(session, image[None], np.array([light]))[0]
            expected = relight(network, image, int(light))
            for relit in (alone, in_batch):
                difference = float(np.abs(relit.astype(np.float32) - expected).max())
                if not difference <= atol:  # also true of NaN
                    raise ParityError(
                        f"graph and network differ by {difference:.2g} at {width}x{height} px;"
                        f" {atol:.2g} is allowed"
                    )
                worst = max(worst, difference)
    return worst


def _run(
    session: ort.InferenceSession, images: NDArray[np.uint8], lights: NDArray[np.int64]
) -> NDArray[np.floating]:
    feeds = {INPUT_NAME: images, LIGHT_NAME: lights}
    takes = {each.name for each in session.get_inputs()}
    (relit,) = session.run([OUTPUT_NAME], {name: feeds[name] for name in takes})
    return np.asarray(relit)


def probe_images(height: int, width: int) -> NDArray[np.uint8]:
    """Return the test pictures, uint8 (3, h, w, 3).

    The first is white noise; the others have a photo's spectrum (amplitudes fall as 1/f), one
    bright and one dark, clipped at both ends.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 3, height, width, generator=generator)
    photo = torch.zeros(1, 3, height, width)
    for octave in range(6):
        cells = 2 + 2**octave
        coarse = torch.randn(1, 3, cells, cells, generator=generator)
        photo += 0.3 / 2**octave * F.interpolate(coarse, (height, width), mode="bicubic")
    batch = torch.cat([noise, photo + 0.6, photo * 0.5 + 0.1]).clamp(0, 1)
    pixels: NDArray[np.uint8] = (batch * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return pixels


@torch.inference_mode()
def relight(
    network: RelightingNetwork, image: NDArray[np.uint8], light: int = 0
) -> NDArray[np.float32]:
    """Run the network on one picture, uint8 (h, w, 3) -> float32 (h, w, 3) in [0, 1]."""
    photo = torch.from_numpy(image)[None].permute(0, 3, 1, 2).float() / 127.5 - 1
    relit: NDArray[np.float32] = (
        (network(photo, torch.tensor([light]))[0].permute(1, 2, 0) + 1) / 2
    ).numpy()
    return relit
