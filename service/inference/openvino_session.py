"""Runs one graph on the CPU with OpenVINO, in bfloat16 if the CPU computes with it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from relight.errors import ModelRefused
from service.inference.session import Session, Tensors, TensorSpec, shares

OPENVINO: Final = "OpenVINO"


class OpenVinoSession:
    """A graph in OpenVINO, used by `max_concurrency` threads at a time; each call has one core.

    It is compiled for each shape of its inputs when that first comes: for any shape at once, it
    would be as slow as in ONNX Runtime.

    Args:
        path: the `.onnx` file.
        num_threads: threads that infer.

    Raises:
        ModelRefused: OpenVINO is not installed, or cannot load the file.
    """

    def __init__(self, path: Path, *, num_threads: int = 1) -> None:
        try:
            import openvino  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ModelRefused("OpenVINO is missing: install `relight[openvino]`") from error
        described = Session(path, device="cpu")  # OpenVINO drops the strings in a file
        self.metadata: Mapping[str, str] = described.metadata
        self.inputs: Mapping[str, TensorSpec] = described.inputs
        self.outputs: Mapping[str, TensorSpec] = described.outputs
        self.provider = OPENVINO
        self._num_threads = num_threads
        self._config = {
            "NUM_STREAMS": num_threads,
            "INFERENCE_NUM_THREADS": num_threads,
            "ENABLE_CPU_PINNING": False,  # decoding and encoding take the same cores
            "INFERENCE_PRECISION_HINT": "bf16",  # float32 where the CPU has no bfloat16
        }
        self._path = path
        self._core = openvino.Core()
        self._compiled: dict[tuple[tuple[int, ...], ...], Any] = {}  # by the shapes of the inputs
        self._compiling = threading.Lock()
        self._of_thread = threading.local()

    @property
    def useful_batch_sizes(self) -> Sequence[int]:
        """Up to one image for each thread, by doubling."""
        return shares(self._num_threads)

    @property
    def max_concurrency(self) -> int:
        """One call for each thread."""
        return self._num_threads

    def run(self, tensors: Tensors, concurrency: int = 1) -> Tensors:
        """Run a batch, as `Engine.run` says, on one core. Releases the GIL while it computes."""
        request = self._request(tensors)
        request.infer({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
        # The next call of this thread writes to the same memory.
        return {name: request.get_tensor(name).data.copy() for name in self.outputs}

    def _request(self, tensors: Tensors) -> Any:
        """Return what this thread infers inputs of these shapes with."""
        shapes = tuple(tensor.shape for tensor in tensors.values())
        requests: dict[Any, Any] = self._of_thread.__dict__.setdefault("requests", {})
        if shapes not in requests:
            with self._compiling:
                if shapes not in self._compiled:
                    self._compiled[shapes] = self._compile(tensors)
                requests[shapes] = self._compiled[shapes].create_infer_request()
        return requests[shapes]

    def _compile(self, tensors: Tensors) -> Any:
        model = self._core.read_model(self._path)
        model.reshape({name: tensor.shape for name, tensor in tensors.items()})
        return self._core.compile_model(model, "CPU", self._config)
