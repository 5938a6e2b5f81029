"""Measures the model: T(bucket, n) with the service's own session.

    python -m bench.inference [MODEL.onnx] [--threads 2] [--batch-sizes 1 2 4] [--rounds 7]

Buckets and batch sizes alternate, so that a busy moment of the machine affects all equally.
Prints medians of wall time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from service.contract.buckets import buckets_for
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, ModelContract
from service.host import available_cpus
from service.inference.session import Session
from service.settings import Settings


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?", default=_shipped_model())
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    session = Session(arguments.model, num_threads=arguments.threads)
    buckets = buckets_for(ModelContract.from_metadata(session.metadata).size_px)[:3]
    times_s: dict[tuple[str, int], list[float]] = defaultdict(list)
    rng = np.random.default_rng(0)
    for number in range(arguments.rounds + 1):
        for bucket in buckets:
            for size in arguments.batch_sizes:
                shape = (size, bucket.height_px, bucket.width_px, 3)
                tensors = {INPUT_NAME: rng.integers(0, 256, shape, dtype=np.uint8)}
                if LIGHT_NAME in session.inputs:
                    tensors[LIGHT_NAME] = np.zeros(size, np.int64)
                started_s = time.perf_counter()
                session.run(tensors)
                if number:  # the first round warms up
                    times_s[str(bucket), size].append(time.perf_counter() - started_s)
    print(f"{arguments.model.name} on {session.provider}, {arguments.threads} threads\n")
    print("| px | batch | p50 ms | images/s |\n|---|---|---|---|")
    for (bucket_name, size), values in times_s.items():
        median_s = statistics.median(values)
        print(f"| {bucket_name} | {size} | {median_s * 1e3:.0f} | {size / median_s:.2f} |")


def _shipped_model() -> Path:
    return min(Settings().models_dir.glob("*.onnx"), default=Path("MODEL.onnx"))


if __name__ == "__main__":
    main()
