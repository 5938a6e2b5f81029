"""Runs every shape and batch size before the first request, and measures how long each takes."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relight.errors import ModelRefused, OutOfMemory
from service.batching.durations import Durations
from service.batching.sizes import BatchSizes
from service.contract.buckets import Bucket
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, OUTPUT_NAME
from service.contract.pair import LIGHT_OUTPUTS, SCENE_OUTPUTS, Shapes
from service.inference.model import WHOLE, BatchKey
from service.inference.openvino_session import OPENVINO
from service.inference.session import CUDA, Engine, Tensors

_COLD_PROVIDERS: Final = frozenset({CUDA, OPENVINO})  # each first run chooses kernels
_TOLERANCE: Final = 1e-3  # what float16 may be beyond 0 and 1

_log = logging.getLogger(__name__)


def warm_up(
    part: str,
    engine: Engine,
    durations: Durations,
    *,
    buckets: Sequence[Bucket],
    batch_sizes: Sequence[int],
    sizes: BatchSizes,
) -> None:
    """Run every shape and batch size of a graph, so that no request pays for a first time.

    On a GPU and in OpenVINO the first run of each chooses kernels, so a second one is measured.
    In ONNX Runtime on a CPU only the very first run, which takes the memory, is slower.

    Args:
        part: which graph of its model it is.
        engine: what to run.
        durations: learns T(`BatchKey`, n).
        buckets: the shapes.
        batch_sizes: sizes to warm.
        sizes: those that exceed the memory are removed.

    Raises:
        ModelRefused: an output has another shape than promised, or leaves its range.
    """
    cold = True
    shapes = [(bucket.height_px, bucket.width_px) for bucket in buckets]
    for height, width in sorted(shapes, key=math.prod, reverse=True):  # memory grows once
        for size in sorted(batch_sizes, reverse=True):
            key = BatchKey(part, height, width)
            try:
                if cold:
                    _run(part, engine, size, height, width)
                    cold = engine.provider in _COLD_PROVIDERS
                started_s = time.monotonic()
                outputs = _run(part, engine, size, height, width)
            except OutOfMemory:
                if size == 1:
                    raise
                _log.warning("no memory for %d images of %d x %d px", size, width, height)
                sizes.forbid(key, size)
                continue
            durations.observe(key, size, time.monotonic() - started_s)
            _check(part, outputs, height, width)


def _run(part: str, engine: Engine, size: int, height: int, width: int) -> Tensors:
    """Give a graph so many pictures at once, as the queue does; return what came of the first."""
    if engine.max_concurrency == 1:
        return engine.run(plain_inputs(part, engine, size, height, width))
    tensors = plain_inputs(part, engine, 1, height, width)
    with ThreadPoolExecutor(size) as threads:
        runs = [threads.submit(engine.run, tensors, size) for _ in range(size)]
    first, *_ = [run.result() for run in runs]  # of all: any may have failed
    return first


def plain_inputs(part: str, engine: Engine, size: int, height: int, width: int) -> Tensors:
    """Return the inputs of a graph for `size` plain gray pictures.

    Args:
        part: which graph of its model it is.
        engine: the graph.
        size: length of the batch.
        height: in pixels, of a bucket.
        width: the same.
    """
    return _INPUTS[part](engine, size, height, width)


def _image(engine: Engine, size: int, height: int, width: int) -> Tensors:
    tensors: dict[str, NDArray[Any]] = {
        INPUT_NAME: np.full((size, height, width, 3), 128, np.uint8)
    }
    if LIGHT_NAME in engine.inputs:
        tensors[LIGHT_NAME] = np.zeros(size, np.int64)
    return tensors


def _wall(engine: Engine, size: int, height: int, width: int) -> Tensors:
    """Return the inputs of a light graph for a plain wall, lit from where the camera stands."""
    num_features = engine.inputs["features"].shape[1]
    assert isinstance(num_features, int)
    flat = np.zeros((size, height, width), np.float32)
    towards_camera = np.array([0, 0, 1], np.float32)
    return {
        "normals": np.broadcast_to(towards_camera, (size, height, width, 3)),
        "relief": flat,
        "log_shading": flat,
        "occlusion": flat + 1,
        "features": np.zeros((size, num_features, height // 2, width // 2), np.float32),
        "light": np.broadcast_to(towards_camera, (size, 3)),
        "softness": np.zeros(size, np.float32),
    }


def _check(part: str, outputs: Tensors, height: int, width: int) -> None:
    size = len(next(iter(outputs.values())))
    lengths = {"n": size, "h": height, "w": width, "h/2": height // 2, "w/2": width // 2}
    for name, dims in _OUTPUTS[part].items():
        output = outputs[name]
        wanted = tuple(lengths.get(str(d), n) for d, n in zip(dims, output.shape, strict=True))
        if output.shape != wanted:
            raise ModelRefused(f"its output {name!r} is {output.shape}, not {wanted}")
        low, high = _RANGES.get(name, (-math.inf, math.inf))
        least, most = float(output.min()), float(output.max())
        within = low - _TOLERANCE <= least and most <= high + _TOLERANCE
        if not (within and math.isfinite(least) and math.isfinite(most)):
            raise ModelRefused(
                f"its output {name!r} leaves the range {low:g} to {high:g} or is not a number"
            )


_INPUTS: Final[Mapping[str, Callable[[Engine, int, int, int], Tensors]]] = {
    WHOLE: _image,
    "scene": _image,
    "light": _wall,
}
_OUTPUTS: Final[Mapping[str, Shapes]] = {
    WHOLE: {OUTPUT_NAME: ("n", "h", "w", 3)},
    "scene": SCENE_OUTPUTS,
    "light": LIGHT_OUTPUTS,
}
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    OUTPUT_NAME: (0, 1),
    "normals": (-1, 1),
    "occlusion": (0, 1),
    "relightable": (0, 1),
    "irradiance": (0, math.inf),
}
