"""Checks and measures every shipped model and the service on a GPU, in under ten minutes.

    python -m bench.gpu [--record gpu.json]      # needs the extras gpu, export and bench
    python -m bench.gpu --smallest               # on a CPU: the same steps, the fewest of each

Parity: the largest difference of every output from float32 on the CPU, as a share of its range.
Speed: ms and images/s of each batch with its tensors on the device, with and without CUDA graphs,
beside PyTorch eager and `torch.compile`. Service: photos a second over HTTP, and CPU seconds each.
Writes one JSON file and prints one table of each.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import onnxruntime as ort

from bench.gpu.eager import MODES, seconds_in_torch
from bench.gpu.graphs import (
    PRECISIONS,
    has_cuda,
    open_graph,
    run,
    seconds_on_device,
)
from bench.harness import photo
from bench.peers.catalogue import RELIGHT, Setting
from bench.peers.environments import ROOT, THIS_PYTHON
from bench.peers.loads import closed_loop
from bench.peers.server import start
from bench.subject import differences, inputs_of, shipped_model

_BATCH_SIZES: Final = (1, 2, 4, 8, 16, 32)
_SIZE_PX: Final = 256
Record = dict[str, Any]


def main() -> None:
    """Check, measure, record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", type=Path, default=ROOT / "service" / "models")
    parser.add_argument("--record", type=Path, default=Path("gpu.json"))
    parser.add_argument("--smallest", action="store_true", help="for a CPU")
    arguments = parser.parse_args()
    cuda = has_cuda()
    if not cuda and not arguments.smallest:
        parser.error("no GPU initialises: --smallest runs the same steps on the CPU")
    sizes = (1,) if arguments.smallest else _BATCH_SIZES
    side_px = 64 if arguments.smallest else _SIZE_PX
    record: Record = {
        "device": "cuda" if cuda else "cpu",
        "onnxruntime": ort.__version__,
        "parity": [],
        "speed": [],
        "torch": [],
        "load_average": os.getloadavg()[0],
    }
    for path in sorted(arguments.models.glob("*.onnx")):
        record["parity"] += _parity(path, side_px, cuda=cuda)
        record["speed"] += _speed(path, side_px, sizes, cuda=cuda)
    for name in ("drn-g", "drn-s"):
        for mode in MODES[:1] if arguments.smallest else MODES:
            for size in sizes:
                seconds = seconds_in_torch(name, mode, size, side_px, side_px, cuda=cuda)
                row = {"network": name, "mode": mode, "batch": size, "seconds": seconds}
                record["torch"].append(row)
    record["service"] = _service(0.5 if arguments.smallest else 20.0)
    arguments.record.write_text(json.dumps(record, indent=1) + "\n")
    print("\n".join(_tables(record)))


def _parity(path: Path, side_px: int, *, cuda: bool) -> Iterator[Record]:
    inputs = inputs_of(path, 1, side_px)
    exact = run(open_graph(path, "float32", cuda=False), inputs)
    for precision in PRECISIONS:
        if precision == "tf32" and not cuda:
            continue
        outputs = run(open_graph(path, precision, cuda=cuda), inputs)
        shares = differences(outputs, exact)
        yield {
            "graph": path.name,
            "precision": precision,
            "differences": {name: float(share.max()) for name, share in shares.items()},
        }


def _speed(path: Path, side_px: int, sizes: Sequence[int], *, cuda: bool) -> Iterator[Record]:
    for size in sizes:
        inputs = inputs_of(path, size, side_px)
        outputs = run(open_graph(path, "float32", cuda=False), inputs)
        for precision in PRECISIONS if cuda else PRECISIONS[:1]:
            for captures in (False, True) if cuda else (False,):
                session = open_graph(path, precision, cuda=cuda, captures=captures)
                row = {
                    "graph": path.name,
                    "precision": precision,
                    "batch": size,
                    "cuda_graph": captures,
                }
                yield row | {"seconds": seconds_on_device(session, inputs, outputs, cuda=cuda)}


def _service(duration_s: float) -> Record:
    """Send photos to the service in closed loop; its cache is off."""
    photos = [photo(side_px=512, seed=seed) for seed in range(16)]
    server = start(RELIGHT, Setting(1, 1), THIS_PYTHON, shipped_model(), photos[0])
    try:
        return {
            str(number): asdict(closed_loop(server, photos, number, duration_s))
            for number in (1, 16)
        }
    finally:
        server.end()


def _tables(record: Mapping[str, Any]) -> Iterator[str]:
    yield f"On {record['device']}, ONNX Runtime {record['onnxruntime']}.\n"
    yield "| graph | precision | largest difference, share of the range |\n|---|---|---|"
    for row in record["parity"]:
        name, most = max(row["differences"].items(), key=lambda item: float(item[1]))
        yield f"| {row['graph']} | {row['precision']} | {most:.1e} ({name}) |"
    yield "\n| graph | precision | batch | CUDA graph | ms | images/s |\n|---|---|---|---|---|---|"
    for row in record["speed"]:
        captured = "yes" if row["cuda_graph"] else "no"
        what = f"{row['graph']} | {row['precision']} | {row['batch']}"
        yield f"| {what} | {captured} | {_rate(row)} |"
    for row in record["torch"]:
        yield f"| {row['network']} | PyTorch {row['mode']} | {row['batch']} | | {_rate(row)} |"
    yield "\n| connections | photos/s over HTTP | CPU s a photo |\n|---|---|---|"
    for number, figures in record["service"].items():
        yield f"| {number} | {figures['images_hz']:.2f} | {figures['cpu_s']:.3f} |"


def _rate(row: Mapping[str, Any]) -> str:
    return f"{row['seconds'] * 1e3:.2f} | {row['batch'] / row['seconds']:.1f}"


if __name__ == "__main__":
    main()
