"""Fake engines for the graphs of a pair: they wait for a given T(n), as `FakeEngine` does."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from service.contract.metadata import INPUT_NAME
from service.contract.pair import (
    LIGHT_INPUTS,
    LIGHT_OUTPUTS,
    SCENE_OUTPUTS,
    PairContract,
    Part,
)
from service.inference.fake_engine import PROVIDER
from service.inference.session import Tensors, TensorSpec
from service.inference.signature import floats

_NUM_FEATURES = 4


class FakePairEngine:
    """One graph of a pair whose batches take a given time.

    The scene is a wall that faces the viewer, in even light.

    Args:
        part: which graph.
        duration_s: T(n) in seconds; it may raise, and then the batch fails.
        name: the pair's name.
        size_px: short side of its pictures.

    Attributes:
        duration_s: T(n); may be changed at any time.
        batch_sizes: n of every batch that it ran.
    """

    def __init__(
        self,
        part: Part,
        duration_s: Callable[[int], float] = lambda n: 0.0,
        *,
        name: str = "fake-pair",
        size_px: int = 128,
    ) -> None:
        self.duration_s = duration_s
        self.batch_sizes: list[int] = []
        self.useful_batch_sizes = (1, 2, 4, 8)
        self.max_concurrency = 1
        self.provider = PROVIDER
        image = TensorSpec("tensor(uint8)", ("n", "h", "w", 3))
        is_scene = part == "scene"
        self.inputs = {INPUT_NAME: image} if is_scene else floats(LIGHT_INPUTS, _NUM_FEATURES)
        self.outputs = floats(SCENE_OUTPUTS if is_scene else LIGHT_OUTPUTS, _NUM_FEATURES)
        self.metadata = PairContract(
            name=name,
            version="0",
            size_px=size_px,
            pair_sha256="0" * 64,
            checkpoint_sha256="0" * 64,
            trained_on="nothing",
            license="Apache-2.0",
            elevation_deg=30.0,
            softness=0.2,
            ambient=0.15,
            removal=0.0,
        ).to_metadata(part)

    def run(self, tensors: Tensors, concurrency: int = 1) -> Tensors:
        """Take the time of a batch and give ones, or a wall's normals."""
        started_s = time.monotonic()
        size, height, width = next(iter(tensors.values())).shape[:3]
        duration_s = self.duration_s(size)
        self.batch_sizes.append(size)
        lengths = {"n": size, "h": height, "w": width, "h/2": height // 2, "w/2": width // 2}
        outputs = {
            name: np.ones([lengths.get(str(d)) or int(str(d)) for d in spec.shape], np.float32)
            for name, spec in self.outputs.items()
        }
        if "normals" in outputs:
            outputs["normals"][..., :2] = 0
        time.sleep(max(0.0, started_s + duration_s - time.monotonic()))
        return outputs
