"""A fake engine: waits for a given T(n) and returns its input.

It replaces ONNX Runtime, so that load, deadlines and failures can be studied over real HTTP on
any machine: `RELIGHT_FAKE_ENGINE=8+6n python -m service`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from relight.lights import Light
from service.contract.metadata import INPUT_NAME, OUTPUT_NAME, ModelContract
from service.inference.session import Tensors, TensorSpec

PROVIDER: Final = "FakeExecutionProvider"

_LINEAR: Final = re.compile(r"(\d+(?:\.\d+)?)\+(\d+(?:\.\d+)?)n")


class FakeEngine:
    """An `Engine` whose batches take a given time.

    Args:
        duration_s: T(n) in seconds; if it raises, the batch fails.
        name: the model's name.
        size_px: short side of its pictures; small pictures keep the CPU's work small.

    Attributes:
        duration_s: T(n); can be changed at any time.
        batch_sizes: n of every batch that it ran.
    """

    def __init__(
        self,
        duration_s: Callable[[int], float] = lambda n: 0.0,
        *,
        name: str = "fake",
        size_px: int = 128,
    ) -> None:
        self.duration_s = duration_s
        self.batch_sizes: list[int] = []
        self.useful_batch_sizes = (1, 2, 4, 8)
        self.max_concurrency = 1
        dims = ("n", "h", "w", 3)
        self.provider = PROVIDER
        self.inputs = {INPUT_NAME: TensorSpec("tensor(uint8)", dims)}
        self.outputs = {OUTPUT_NAME: TensorSpec("tensor(float)", dims)}
        self.metadata = ModelContract(
            name=name,
            version="0",
            lights=(Light("E", 4500),),
            size_px=size_px,
            precision="float32",
            checkpoint_sha256="0" * 64,
            trained_on="nothing",
            license="Apache-2.0",
            metrics={},
        ).to_metadata()

    def run(self, tensors: Tensors, concurrency: int = 1) -> Tensors:
        """Wait for the time of a batch and return the pictures, 0 to 1."""
        started_s, images = time.monotonic(), tensors[INPUT_NAME]
        duration_s = self.duration_s(len(images))
        relit = images.astype(np.float32) / np.float32(255)
        self.batch_sizes.append(len(images))
        time.sleep(max(0.0, started_s + duration_s - time.monotonic()))
        return {OUTPUT_NAME: relit}


def linear(text: str) -> Callable[[int], float]:
    """Return T(n), in seconds, from milliseconds such as `8+6n`.

    Raises:
        ValueError: the text has another form.
    """
    match = _LINEAR.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not of the form 8+6n")
    base_s, each_s = float(match[1]) / 1e3, float(match[2]) / 1e3
    return lambda n: base_s + each_s * n
