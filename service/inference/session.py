"""Runs one graph on one device with ONNX Runtime.

The layers above depend on the protocol `Engine`. `Session` implements it with ONNX Runtime; a
test or a load study can use an engine with a given T(n) instead.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from numpy.typing import NDArray

# Since 1.29 it sends telemetry to its makers unless this is set before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime as ort

from relight.errors import DevicePoisoned, ModelRefused, OutOfMemory

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"

_CUDA_OPTIONS: Final = {
    # Warm-up runs every shape, so the search never happens in a request.
    "cudnn_conv_algo_search": "EXHAUSTIVE",
    # Doubling, the default, keeps twice the memory of the largest batch.
    "arena_extend_strategy": "kSameAsRequested",
}

# CUDA errors after which every later call in the process also fails: illegal address,
# hardware trap, device-side assert, launch failure, ECC error, device lost.
_POISON: Final = re.compile(
    r"CUDA.*(?:failure|error) (?:214|215|700|71[0-9]|721|46)\b"
    r"|illegal memory access|device-side assert|unspecified launch failure|uncorrectable ECC"
)

# The messages of the arena, CUDA, cuDNN, cuBLAS and C++.
_NO_MEMORY: Final = re.compile(
    r"Failed to allocate memory|Available memory of \d+ is smaller|out of memory"
    r"|CU(?:DNN|BLAS)_STATUS_(?:INTERNAL_ERROR_DEVICE_)?ALLOC(?:ATION)?_FAILED|bad_alloc"
)

Tensors = Mapping[str, NDArray[Any]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Type (as ONNX Runtime writes it, such as `tensor(uint8)`) and shape of a tensor.

    A dynamic dimension is a name or None.
    """

    type: str
    shape: tuple[int | str | None, ...]


class Engine(Protocol):
    """One loaded graph on one device."""

    @property
    def provider(self) -> str:
        """The ONNX Runtime provider in use."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """The strings stored in the model file."""

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """Inputs by name."""

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        """Outputs by name."""

    @property
    def useful_batch_sizes(self) -> Sequence[int]:
        """How many images at once cost less than each alone, in a batch or in one call each; 1."""

    @property
    def max_concurrency(self) -> int:
        """Most calls of `run` at once; where it is more than 1, a batch costs as its images do."""

    def run(self, tensors: Tensors, concurrency: int = 1) -> Tensors:
        """Run a batch.

        Args:
            tensors: every input by name, n items along the first axis.
            concurrency: how many calls share the device now: one of `useful_batch_sizes`.

        Returns:
            Every output by name, n items along the first axis.

        Raises:
            OutOfMemory: a smaller batch may succeed.
            DevicePoisoned: no later call can succeed.
        """


class Session:
    """A graph in ONNX Runtime, used by `max_concurrency` threads at a time.

    On the CPU each call has its share of the threads: one image alone has them all, and where as
    many wait as there are threads, each has one. Threads that share no image never wait for each
    other, which saves CPU time. The graph is open once for each share.

    Args:
        path: the `.onnx` file.
        device: `cuda` and `cpu` use that device or fail; `auto` uses CUDA if it initialises.
        require_gpu: refuse to run even a single node on the CPU, whatever `device` says.
        num_threads: threads that infer on the CPU.

    Raises:
        ModelRefused: ONNX Runtime cannot load the file, or the requested device does not
            initialise.
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
        providers = [(CUDA, _CUDA_OPTIONS), (CPU, {})] if wants_cuda else [(CPU, {})]
        options = _options(1 if wants_cuda else num_threads)
        if require_gpu and wants_cuda:
            # One node on the CPU costs two copies in each run, and prevents CUDA graphs.
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
            providers = providers[:1]
        self._session = _open(path, options, providers)
        # ONNX Runtime falls back to the CPU without an exception: only this shows it.
        self._provider: str = self._session.get_providers()[0]
        if self._provider != CUDA:
            if require_gpu or device == "cuda":
                raise ModelRefused("the GPU did not initialise (see ONNX Runtime's messages)")
            if wants_cuda:
                _log.warning("CUDA did not come up: running on the CPU")
        self._num_threads = 1 if self._provider == CUDA else num_threads
        by_threads = {self._num_threads: self._session}
        for size in self.useful_batch_sizes if self._num_threads > 1 else ():
            share = self._num_threads // size
            if share not in by_threads:
                by_threads[share] = _open(path, _options(share), [(CPU, {})])
        self._by_threads = by_threads

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

    @property
    def useful_batch_sizes(self) -> Sequence[int]:
        """On a GPU up to 8, on the CPU up to one image for each thread; by doubling."""
        if self._provider == CUDA:
            return (1, 2, 4, 8)
        return shares(self._num_threads)

    @property
    def max_concurrency(self) -> int:
        """1 on a GPU; on the CPU one call for each thread."""
        return self._num_threads

    def run(self, tensors: Tensors, concurrency: int = 1) -> Tensors:
        """Run a batch, as `Engine.run` says. Releases the GIL while it computes."""
        return _run(self._by_threads[max(1, self._num_threads // concurrency)], tensors)


def shares(num_threads: int) -> Sequence[int]:
    """Return among how many images threads can be shared: by doubling, and one for each."""
    return sorted({num_threads, *(2**n for n in range(num_threads.bit_length()))})


@cache
def _share_memory_of_cpu() -> None:
    """Let all sessions take and give back memory at one place: few of them run at once."""
    memory = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    as_requested, by_default = 1, -1
    ort.create_and_register_allocator(
        memory, ort.OrtArenaCfg(0, as_requested, by_default, by_default)
    )


def _options(num_threads: int) -> ort.SessionOptions:
    _share_memory_of_cpu()
    options = ort.SessionOptions()
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.enable_mem_pattern = False  # it would take all memory of a run in one piece
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    # Spinning idle threads would take CPU time from decoding and encoding.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def _open(
    path: Path, options: ort.SessionOptions, providers: Sequence[tuple[str, Mapping[str, str]]]
) -> ort.InferenceSession:
    try:
        return ort.InferenceSession(path, sess_options=options, providers=providers)
    except Exception as error:  # the only common base of ONNX Runtime's errors
        if "fallback to CPU EP" in str(error):
            raise ModelRefused(
                "the GPU did not initialise, or cannot run every node: see ONNX Runtime"
            ) from error
        raise ModelRefused(f"ONNX Runtime cannot load it: {error}") from error


def _run(session: ort.InferenceSession, tensors: Tensors) -> Tensors:
    names = [output.name for output in session.get_outputs()]
    try:
        outputs = session.run(names, dict(tensors))  # an I/O binding copies once more
    except Exception as error:  # the only common base of ONNX Runtime's errors
        if _POISON.search(str(error)):
            raise DevicePoisoned("the device broke down") from error
        if _NO_MEMORY.search(str(error)):
            size = len(next(iter(tensors.values())))
            raise OutOfMemory(f"no memory for a batch of {size}") from error
        raise
    return dict(zip(names, outputs, strict=True))
