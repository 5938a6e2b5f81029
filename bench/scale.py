"""Measures how cost grows with the batch, the resolution and the megapixels of a photo.

    python -m bench.scale [--plot bench/plots/scale.svg] [--rounds 3] [--smallest]

Each point is measured in a process of its own, on one thread: the CPU time of the work once it is
warm, and how far memory grew beyond what it was before. The points take turns, and the least of the
rounds counts: CPU time leaves out the time that other processes take, but not that they share the
caches and the clock. `batch` and `resolution` run the graphs of the shipped model, and `megapixels`
takes a JPEG from bytes to bytes beside the network.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

import cv2

from bench.drawing import COLORS, panels
from bench.imaging import end_to_end, file_of
from bench.subject import open_graphs, shipped_model
from service.inference.warming import plain_inputs

Axis = Literal["batch", "resolution", "megapixels"]

_STATUS: Final = Path("/proc/self/status")
_SIDE_PX: Final = 256
_VALUES: Final[dict[Axis, tuple[float, ...]]] = {
    "batch": (1, 2, 4, 8),
    "resolution": (128, 256, 384, 512),
    "megapixels": (1, 4, 12, 24, 48),
}
_SMALLEST: Final[dict[Axis, tuple[float, ...]]] = {
    "batch": (1, 2),
    "resolution": (64, 128),
    "megapixels": (0.1, 0.4),
}
_LABELS: Final[dict[Axis, str]] = {
    "batch": f"photos in a batch, {_SIDE_PX} px",
    "resolution": "side of the network's input, px",
    "megapixels": "megapixels of a JPEG, beside the network",
}


@dataclass(frozen=True, slots=True)
class Point:
    """What one piece of work takes.

    Attributes:
        axis: what grows.
        value: how much of it.
        cpu_s: CPU time.
        peak_bytes: memory at its worst beyond that before the work.
    """

    axis: Axis
    value: float
    cpu_s: float
    peak_bytes: int

    def least(self, other: Point) -> Point:
        """Return the least of two measurements of the same work."""
        least = min(self.cpu_s, other.cpu_s), min(self.peak_bytes, other.peak_bytes)
        return Point(self.axis, self.value, *least)


def main() -> None:
    """Measure, print the table, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--smallest", action="store_true", help="few and small, for a test")
    arguments = parser.parse_args()
    values = _SMALLEST if arguments.smallest else _VALUES
    places = [(axis, value) for axis in values for value in values[axis]]
    photos = {value: file_of("jpeg", value) for value in values["megapixels"]}
    points: dict[tuple[Axis, float], Point] = {}
    for _ in range(arguments.rounds):
        for place in places:
            point = _in_own_process(*place, photos)
            points[place] = point.least(points.get(place, point))
    print("| | | CPU ms | memory, MB |\n|---|---|---|---|")
    for (axis, value), point in points.items():
        print(f"| {axis} | {value:g} | {point.cpu_s * 1e3:.1f} | {point.peak_bytes / 1e6:.0f} |")
    if arguments.plot is not None:
        _draw(list(points.values()), arguments.plot)


def _in_own_process(axis: Axis, value: float, photos: Mapping[float, bytes]) -> Point:
    """Return a point; what was allocated stays allocated, so a process measures one."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (axis, value, photos[value] if axis == "megapixels" else b""))


def _measure(axis: Axis, value: float, photo: bytes) -> Point:
    cv2.setNumThreads(1)
    work = partial(end_to_end, photo, "jpeg") if photo else _network(axis, round(value))
    _STATUS.with_name("clear_refs").write_text("5")  # proc(5): the peak begins again
    before_bytes = _status_bytes("VmRSS")
    work()  # allocates the memory
    start_s = time.process_time()
    work()
    cpu_s = time.process_time() - start_s
    return Point(axis, value, cpu_s, _status_bytes("VmHWM") - before_bytes)


def _network(axis: Axis, value: int) -> Callable[[], object]:
    """Return the inference of all graphs of the shipped model, one after the other."""
    size, side_px = (value, _SIDE_PX) if axis == "batch" else (1, value)
    graphs = open_graphs(shipped_model(), num_threads=1)
    inputs = {name: plain_inputs(name, graphs[name], size, side_px, side_px) for name in graphs}
    return lambda: [graphs[name].run(inputs[name]) for name in graphs]


def _status_bytes(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"{_STATUS} has no {name}")
    return int(found[1]) * 1024


def _draw(points: list[Point], path: Path) -> None:
    with panels(path, 3, num_rows=2) as axes:
        for column, (axis, label) in enumerate(_LABELS.items()):
            mine = [point for point in points if point.axis == axis]
            values, color = [point.value for point in mine], COLORS[column]
            cost, memory = axes[column], axes[column + 3]
            cost.plot(values, [point.cpu_s for point in mine], "o-", color=color)
            cost.set(title=f"Cost: {axis}", ylabel="CPU seconds", xlim=0, ylim=0)
            memory.plot(values, [point.peak_bytes / 1e6 for point in mine], "o-", color=color)
            memory.set(title=f"Memory: {axis}", xlabel=label, ylabel="MB", xlim=0, ylim=0)


if __name__ == "__main__":
    main()
