"""Measures the model: T(bucket, n) of each of its graphs, with the service's own session.

    python -m bench.inference [MODEL.onnx] [--threads 2] [--batch-sizes 1 2 4] [--rounds 7]

Graphs, buckets and batch sizes alternate, so that a busy moment of the machine affects all equally.
Prints medians of wall time, and of the CPU time of the thread that runs the graph: with one thread,
the time on an idle machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from pathlib import Path

from bench.subject import buckets_of, open_graphs, shipped_model
from service.host import available_cpus
from service.inference.warming import plain_inputs


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?", default=shipped_model())
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    graphs = open_graphs(arguments.model, arguments.threads)
    times_s: dict[tuple[str, str, int], list[tuple[float, float]]] = defaultdict(list)
    for number in range(arguments.rounds + 1):
        for bucket in buckets_of(graphs)[:3]:
            for size in arguments.batch_sizes:
                for part, graph in graphs.items():
                    shape = (size, bucket.height_px, bucket.width_px)
                    tensors = plain_inputs(part, graph, *shape)
                    started_s, cpu_s = time.perf_counter(), time.thread_time()
                    graph.run(tensors)
                    took_s = (time.perf_counter() - started_s, time.thread_time() - cpu_s)
                    if number:  # the first round warms up
                        times_s[part, str(bucket), size].append(took_s)
    print(f"{arguments.model.name}, {arguments.threads} threads\n")
    print("| graph | px | batch | p50 ms | of CPU | images/s |\n|---|---|---|---|---|---|")
    for (part, bucket_name, size), values in times_s.items():
        wall_s, cpu_s = (statistics.median(column) for column in zip(*values, strict=True))
        print(
            f"| {part} | {bucket_name} | {size} | {wall_s * 1e3:.0f} | {cpu_s * 1e3:.0f} "
            f"| {size / wall_s:.2f} |"
        )


if __name__ == "__main__":
    main()
