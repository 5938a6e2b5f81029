"""Measures the graphs of a model under several runtimes and their options, on one CPU thread.

    python -m bench.runtimes [MODEL.onnx] [--side-px 256] [--rounds 15]

Variants alternate, so that a busy moment of the machine affects all equally. Prints the median CPU
time of each, its share of the service's own, and the largest and the mean difference of the outputs
from it, as shares of their range. OpenVINO is measured where it is installed (`pip install
openvino`); bfloat16 needs a CPU with AMX or AVX-512 BF16 to be fast.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bench.subject import differences, graph_paths, inputs_of, shipped_model
from service.inference.session import CPU

Tensors = Mapping[str, NDArray[Any]]
Run = Callable[[Tensors], Tensors]

_LEVELS: Final = {
    "without layout NCHWc": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "without fusions": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
}
_PRECISIONS: Final = {"OpenVINO, float32": "f32", "OpenVINO, bfloat16": "bf16"}
OURS: Final = "ONNX Runtime"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path, nargs="?", default=shipped_model())
    parser.add_argument("--side-px", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    print("| graph | runtime | CPU ms | of ours | largest difference | mean |")
    print("|---|---|---|---|---|---|")
    for path in graph_paths(arguments.model):
        inputs = inputs_of(path, 1, arguments.side_px)
        runs = variants(path, inputs)
        exact = runs[OURS](inputs)
        times_s = cpu_seconds(runs, inputs, arguments.rounds)
        for name, cpu_s in times_s.items():
            share = cpu_s / times_s[OURS]
            shares = differences(runs[name](inputs), exact).values()
            most, mean = max(s.max() for s in shares), max(s.mean() for s in shares)
            figures = f"{cpu_s * 1e3:.1f} | {share:.2f} | {most:.1e} | {mean:.1e}"
            print(f"| {path.name} | {name} | {figures} |", flush=True)


def variants(path: Path, inputs: Tensors) -> dict[str, Run]:
    """Return the ways to run a graph by name, the service's own first."""
    runs = {OURS: _in_onnx_runtime(path, ort.GraphOptimizationLevel.ORT_ENABLE_ALL)}
    runs |= {f"{OURS}, {name}": _in_onnx_runtime(path, level) for name, level in _LEVELS.items()}
    if find_spec("openvino"):
        runs |= {n: _in_openvino(path, inputs, hint) for n, hint in _PRECISIONS.items()}
    return runs


def _in_onnx_runtime(path: Path, level: ort.GraphOptimizationLevel) -> Run:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = level
    session = ort.InferenceSession(path, options, providers=[CPU])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _in_openvino(path: Path, inputs: Tensors, precision: str) -> Run:
    import openvino  # noqa: PLC0415 - installed for this comparison alone

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape({name: tensor.shape for name, tensor in inputs.items()})
    config = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}
    request = core.compile_model(model, "CPU", config).create_infer_request()
    names = [output.get_any_name() for output in model.outputs]

    def run(tensors: Tensors) -> Tensors:
        outputs = request.infer({n: np.ascontiguousarray(t) for n, t in tensors.items()})
        return {name: np.array(outputs[name]) for name in names}

    return run


def cpu_seconds(runs: Mapping[str, Run], inputs: Tensors, num_rounds: int) -> dict[str, float]:
    """Return the median CPU time of each way to run a graph; they take turns."""
    times_s: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(num_rounds + 1):
        for name, run in runs.items():
            before_s = time.process_time()
            run(inputs)
            times_s[name].append(time.process_time() - before_s)
    return {name: statistics.median(values[1:]) for name, values in times_s.items()}  # warm


if __name__ == "__main__":
    main()
