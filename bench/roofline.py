"""Compares an inference with what the machine can do: its matrix products and its copies.

    python -m bench.roofline [MODEL.onnx] [--side-px 256] [--rounds 10]

Measures on one thread the peak of float32 matrix products and of copies, then how long each kind of
node of a graph runs, by ONNX Runtime's own profile. A convolution's floor is its multiplications at
the peak, or its bytes at the speed of a copy where that is longer; any other node's is its bytes.
Prints the time of each kind beside its floor.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime as ort

from bench.subject import graph_paths, inputs_of, shipped_model
from service.inference.session import CPU, Tensors

_SIDE: Final = 1024  # of the matrices
_COPIED_BYTES: Final = 16 * 2**20  # larger than a core's own caches
_NUM_TRIES: Final = 9
_CONVOLUTIONS: Final = frozenset({"Conv", "FusedConv", "ConvTranspose"})
_KERNEL: Final = "_kernel_time"  # ends the name of an entry of a profile
_ITEM_BYTES: Final = {"float": 4, "int64": 8, "uint8": 1, "bool": 1, "float16": 2, "int16": 2}


@dataclass(slots=True)
class NodeKind:
    """What all nodes of one kind take in one inference, in seconds."""

    num_nodes: int = 0
    ran_s: float = 0.0
    floor_s: float = 0.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path, nargs="?", default=shipped_model())
    parser.add_argument("--side-px", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    flops_hz, bytes_hz = product_peak_hz(), copy_peak_hz()
    print(f"Peaks of one thread: {flops_hz / 1e9:.0f} GFLOP/s, {bytes_hz / 1e9:.1f} GB/s copied.\n")
    for path in graph_paths(arguments.model):
        inputs = inputs_of(path, 1, arguments.side_px)
        kinds = profile(path, inputs, arguments.rounds, flops_hz, bytes_hz)
        print("\n".join(table(path.name, kinds)) + "\n", flush=True)


def product_peak_hz() -> float:
    """Return the floating-point operations a second of a large product, on NumPy's threads."""
    a = np.random.default_rng(0).random((_SIDE, _SIDE), np.float32)
    out = np.empty_like(a)
    return float(2 * _SIDE**3 / _least_cpu_s(lambda: np.matmul(a, a, out=out)))


def copy_peak_hz() -> float:
    """Return the bytes a second that a copy reads and writes."""
    source = np.zeros(_COPIED_BYTES, np.uint8)
    target = np.empty_like(source)
    return 2 * _COPIED_BYTES / _least_cpu_s(lambda: np.copyto(target, source))


def _least_cpu_s(work: Callable[[], object]) -> float:
    times_s = []
    for _ in range(_NUM_TRIES):
        before_s = time.process_time()
        work()
        times_s.append(time.process_time() - before_s)
    return min(times_s)


def profile(
    path: Path, inputs: Tensors, num_rounds: int, flops_hz: float, bytes_hz: float
) -> dict[str, NodeKind]:
    """Return what each kind of node takes in one inference, the costliest first.

    Of each node the shortest run counts, as the others were interrupted.

    Args:
        path: the graph.
        inputs: its inputs.
        num_rounds: inferences.
        flops_hz: peak of products.
        bytes_hz: peak of copies.
    """
    with TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = f"{folder}/profile"
        session = ort.InferenceSession(path, options, providers=[CPU])
        for _ in range(num_rounds):
            session.run(None, dict(inputs))
        events = json.loads(Path(session.end_profiling()).read_text())
    runs = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            runs[event["name"].removesuffix(_KERNEL)].append(event)
    weights = _weight_shapes(path)
    kinds: dict[str, NodeKind] = defaultdict(NodeKind)
    for name, of_node in runs.items():
        arguments = of_node[0]["args"]
        kind = kinds[arguments["op_name"]]
        kind.num_nodes += 1
        kind.ran_s += min(event["dur"] for event in of_node) / 1e6
        kind.floor_s += floor_s(arguments, flops_hz, bytes_hz, weights.get(name, ()))
    return dict(sorted(kinds.items(), key=lambda item: -item[1].ran_s))


def floor_s(
    node: Mapping[str, Any], flops_hz: float, bytes_hz: float, weights: Sequence[int] = ()
) -> float:
    """Return the least time that a node can take.

    Args:
        node: its entry in ONNX Runtime's profile.
        flops_hz: peak of products.
        bytes_hz: peak of copies.
        weights: shape of a convolution's weights, if the profile lacks it.
    """
    read, written = (node[f"{way}_type_shape"] for way in ("input", "output"))
    num_bytes: int = sum(
        math.prod(shape) * _ITEM_BYTES.get(type_name, 4)
        for tensor in (*read, *written)
        for type_name, shape in tensor.items()
    )
    copied_s = float(num_bytes) / bytes_hz
    if node["op_name"] not in _CONVOLUTIONS:
        return copied_s
    if len(read) > 1:
        (weights,) = read[1].values()
    # Every weight meets each pixel of the output; in a transposed convolution, of the input.
    (pixels,) = (read if node["op_name"] == "ConvTranspose" else written)[0].values()
    num_pixels = math.prod(pixels) // pixels[1]
    return max(copied_s, float(2 * math.prod(weights) * num_pixels) / flops_hz)


def _weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights by node: a profile lacks those that are packed anew."""
    graph = onnx.load(path).graph
    shapes = {weights.name: tuple(weights.dims) for weights in graph.initializer}
    return {
        node.name: shapes[node.input[1]]
        for node in graph.node
        if node.op_type in _CONVOLUTIONS and node.input[1] in shapes
    }


def table(name: str, kinds: Mapping[str, NodeKind]) -> list[str]:
    """Return the figures as a Markdown table, with their sums."""
    lines = [f"| {name} | nodes | ms | floor, ms | of the floor |", "|---|---|---|---|---|"]
    total = NodeKind(
        sum(kind.num_nodes for kind in kinds.values()),
        sum(kind.ran_s for kind in kinds.values()),
        sum(kind.floor_s for kind in kinds.values()),
    )
    for kind_name, kind in [*kinds.items(), ("all", total)]:
        if kind.ran_s < 0.01 * total.ran_s:
            continue
        ratio = f"{kind.ran_s / kind.floor_s:.1f}" if kind.floor_s else ""
        figures = f"{kind.ran_s * 1e3:.2f} | {kind.floor_s * 1e3:.2f} | {ratio}"
        lines.append(f"| {kind_name} | {kind.num_nodes} | {figures} |")
    return lines


if __name__ == "__main__":
    main()
