"""One graph of a model on one device, at one precision: its error and its speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from service.inference.session import CPU, CUDA

Precision = Literal["float32", "tf32", "float16"]
PRECISIONS: Final[tuple[Precision, ...]] = ("float32", "tf32", "float16")
Tensors = Mapping[str, NDArray[Any]]

# Means over many pixels, and what is steep: in float16 they lose the picture.
_KEPT_IN_FLOAT32: Final = [
    *DEFAULT_OP_BLOCK_LIST,
    "InstanceNormalization",
    "ReduceMean",
    "GridSample",
    "Resize",
    "Exp",
]
_MIN_ROUNDS, _MIN_DURATION_S = 3, 0.5


def has_cuda() -> bool:
    """Return whether a session can be opened on a GPU."""
    return bool(CUDA in ort.get_available_providers() and _initialises())


def _initialises() -> bool:
    ort.preload_dlls()
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])],
        "probe",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)])
    session = ort.InferenceSession(model.SerializeToString(), providers=[CUDA, CPU])
    return bool(session.get_providers()[0] == CUDA)


def open_graph(
    path: Path, precision: Precision, *, cuda: bool, captures: bool = False
) -> ort.InferenceSession:
    """Open a graph.

    Args:
        path: the file.
        precision: of the arithmetic; TF32 and CUDA graphs are a GPU's alone.
        cuda: whether to run on the GPU.
        captures: whether to capture and replay a CUDA graph.

    Raises:
        RuntimeError: the GPU does not initialise.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    file: str | bytes = str(path)
    if precision == "float16":
        half = convert_float_to_float16(
            onnx.load(path), keep_io_types=True, op_block_list=_KEPT_IN_FLOAT32
        )
        file = half.SerializeToString()
    settings = {
        "use_tf32": str(int(precision == "tf32")),
        "enable_cuda_graph": str(int(captures)),
        "cudnn_conv_algo_search": "EXHAUSTIVE",
    }
    providers = [(CUDA, settings), (CPU, {})] if cuda else [(CPU, {})]
    session = ort.InferenceSession(file, options, providers=providers)
    if cuda and session.get_providers()[0] != CUDA:
        raise RuntimeError("the GPU did not initialise")
    return session


def run(session: ort.InferenceSession, inputs: Tensors) -> Tensors:
    """Return the outputs of a graph by name."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def seconds_of(work: Callable[[], object]) -> float:
    """Return the median time of a call, after one that warms up."""
    work()
    times_s: list[float] = []
    while len(times_s) < _MIN_ROUNDS or sum(times_s) < _MIN_DURATION_S:
        started_s = time.perf_counter()
        work()
        times_s.append(time.perf_counter() - started_s)
    return statistics.median(times_s)


def seconds_on_device(
    session: ort.InferenceSession, inputs: Tensors, outputs: Tensors, *, cuda: bool
) -> float:
    """Return the time of a batch whose tensors stay on the device.

    Args:
        session: the graph.
        inputs: a batch.
        outputs: arrays of the shapes that come of it.
        cuda: whether the device is the GPU.
    """
    binding, device = session.io_binding(), "cuda" if cuda else "cpu"
    values = []  # a captured graph uses their addresses again
    for name, tensor in inputs.items():
        values.append(ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(tensor), device, 0))
        binding.bind_ortvalue_input(name, values[-1])
    for name, tensor in outputs.items():
        values.append(
            ort.OrtValue.ortvalue_from_shape_and_type(tensor.shape, tensor.dtype, device, 0)
        )
        binding.bind_ortvalue_output(name, values[-1])

    def call() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return seconds_of(call)
