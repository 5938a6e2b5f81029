"""ONNX Runtime: one model on one device.

`Engine` is what the layers above know. `Session` is the real one; anything of the same shape
can stand in, such as an engine whose T(n) a test or a load study sets.
"""

from __future__ import annotations

import logging
import math
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

# From 1.29 on it reports to its makers, unless this is set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort

from relight.errors import DevicePoisoned, ModelRefused, OutOfMemory
from service.batching.durations import Durations
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, OUTPUT_NAME

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"

_CUDA_OPTIONS: Final = {
    # Every shape is met at warm-up, so the search happens once and never in a request.
    "cudnn_conv_algo_search": "EXHAUSTIVE",
    # Doubling, the default, keeps twice the memory that the largest batch needs.
    "arena_extend_strategy": "kSameAsRequested",
}

# CUDA errors after which every later call in the process fails, too: illegal address,
# hardware trap, device-side assert, launch failure, ECC error, device lost.
_POISON: Final = re.compile(
    r"CUDA.*(?:failure|error) (?:214|215|700|71[0-9]|721|46)\b"
    r"|illegal memory access|device-side assert|unspecified launch failure|uncorrectable ECC"
)

# The arena's, CUDA's, cuDNN's, cuBLAS's and C++'s words for it.
_NO_MEMORY: Final = re.compile(
    r"Failed to allocate memory|Available memory of \d+ is smaller|out of memory"
    r"|CU(?:DNN|BLAS)_STATUS_(?:INTERNAL_ERROR_DEVICE_)?ALLOC(?:ATION)?_FAILED|bad_alloc"
)

_TOLERANCE: Final = 1e-3  # what float16 may be beyond 0 and 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Type (as ONNX Runtime writes it, such as `tensor(uint8)`) and shape of a tensor.

    A dynamic dimension is a name or None.
    """

    type: str
    shape: tuple[int | str | None, ...]


class Engine(Protocol):
    """One loaded model on one device."""

    @property
    def provider(self) -> str:
        """The ONNX Runtime provider that it really runs on."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """The strings stored in the model file."""

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """Inputs by name."""

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        """Outputs by name."""

    def run(
        self, images: NDArray[np.uint8], lights: NDArray[np.int64] | None
    ) -> NDArray[np.floating]:
        """Relight a batch.

        Args:
            images: uint8 (n, h, w, 3), sRGB; h and w multiples of 16.
            lights: int64 (n,), indices into the model's lights; None for a model of one light.

        Returns:
            float16 or float32 (n, h, w, 3), sRGB-encoded, 0 to 1.

        Raises:
            OutOfMemory: a smaller batch may succeed.
            DevicePoisoned: no later call can succeed, either.
        """


class Session:
    """An ONNX Runtime session, used by one thread at a time.

    Args:
        path: the `.onnx` file.
        device: `cuda` and `cpu` take that device or refuse; `auto` takes CUDA where it comes up.
        require_gpu: refuse to run on the CPU, whatever `device` says, be it a single node.
        num_threads: threads of one inference on the CPU.

    Raises:
        ModelRefused: the file is no model that ONNX Runtime can load, or the device that was
            asked for does not come up.
    """

    def __init__(
        self,
        path: Path,
        *,
        device: Literal["auto", "cuda", "cpu"] = "auto",
        require_gpu: bool = False,
        num_threads: int = 1,
    ) -> None:
        wants_cuda = device == "cuda" or (
            device == "auto" and CUDA in ort.get_available_providers()
        )
        if wants_cuda:
            ort.preload_dlls()  # CUDA and cuDNN may be installed as Python wheels
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1 if wants_cuda else num_threads
        options.inter_op_num_threads = 1
        # Idle threads that spin would take the CPU from decoding and encoding.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        providers = [(CUDA, _CUDA_OPTIONS), (CPU, {})] if wants_cuda else [(CPU, {})]
        if require_gpu and wants_cuda:
            # One node on the CPU costs two copies in each run, and stops CUDA graphs.
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
            providers = providers[:1]
        try:
            self._session = ort.InferenceSession(path, sess_options=options, providers=providers)
        except Exception as error:  # ONNX Runtime's errors have no common base but this
            if "fallback to CPU EP" in str(error):
                raise ModelRefused(
                    "the GPU did not come up, or does not run every node: see ONNX Runtime"
                ) from error
            raise ModelRefused(f"ONNX Runtime cannot load it: {error}") from error
        # ONNX Runtime falls back to the CPU without an exception: only this tells.
        self._provider: str = self._session.get_providers()[0]
        if self._provider != CUDA:
            if require_gpu or device == "cuda":
                raise ModelRefused("the GPU did not come up (see ONNX Runtime's messages)")
            if wants_cuda:
                _log.warning("CUDA did not come up: running on the CPU")

    @property
    def provider(self) -> str:
        """The provider that it really runs on."""
        return self._provider

    @property
    def metadata(self) -> Mapping[str, str]:
        """The strings stored in the model file."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """Inputs by name."""
        return {i.name: TensorSpec(i.type, tuple(i.shape)) for i in self._session.get_inputs()}

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        """Outputs by name."""
        return {o.name: TensorSpec(o.type, tuple(o.shape)) for o in self._session.get_outputs()}

    def run(
        self, images: NDArray[np.uint8], lights: NDArray[np.int64] | None
    ) -> NDArray[np.floating]:
        """Relight a batch; shapes as `Engine.run` says. Releases the GIL while it computes."""
        binding = self._session.io_binding()
        binding.bind_cpu_input(INPUT_NAME, np.ascontiguousarray(images))
        if lights is not None:
            binding.bind_cpu_input(LIGHT_NAME, lights)
        binding.bind_output(OUTPUT_NAME, "cpu")
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # ONNX Runtime's errors have no common base but this
            if _POISON.search(str(error)):
                raise DevicePoisoned("the device broke down") from error
            if _NO_MEMORY.search(str(error)):
                raise OutOfMemory(f"no memory for a batch of {len(images)}") from error
            raise
        relit: NDArray[np.floating] = binding.copy_outputs_to_cpu()[0]
        return relit


def warm_up(
    engine: Engine,
    durations: Durations,
    *,
    shapes: Sequence[tuple[int, int]],
    batch_sizes: Sequence[int],
    forbid: Callable[[tuple[int, int], int], None],
    takes_light: bool,
) -> None:
    """Run every shape and batch size, so that no request pays for a first time.

    On a GPU the first run of each chooses kernels, so a second one is measured. On a CPU
    only the very first run, which takes the memory, is slower than the others.

    Args:
        engine: what to run.
        durations: learns T((h, w), n).
        shapes: (h, w) of every bucket.
        batch_sizes: sizes to warm.
        forbid: told (h, w) and n of a batch that the device has no memory for.
        takes_light: whether the model has the `light` input.

    Raises:
        ModelRefused: the output has another shape than the input, or is not within 0 to 1.
    """
    cold = True
    for height, width in sorted(shapes, key=math.prod, reverse=True):  # memory grows once
        for size in sorted(batch_sizes, reverse=True):
            images = np.full((size, height, width, 3), 128, np.uint8)
            lights = np.zeros(size, np.int64) if takes_light else None
            try:
                if cold:
                    engine.run(images, lights)
                    cold = engine.provider == CUDA
                started_s = time.monotonic()
                relit = engine.run(images, lights)
            except OutOfMemory:
                if size == 1:
                    raise
                _log.warning("no memory for %d images of %d x %d px", size, width, height)
                forbid((height, width), size)
                continue
            durations.observe((height, width), size, time.monotonic() - started_s)
            _check_output(images, relit)


def _check_output(images: NDArray[np.uint8], relit: NDArray[np.floating]) -> None:
    if relit.shape != images.shape:
        raise ModelRefused(f"{images.shape} goes in, {relit.shape} comes out")
    if not (relit.min() >= -_TOLERANCE and relit.max() <= 1 + _TOLERANCE):
        raise ModelRefused("its output leaves the range 0 to 1 or is not a number")
