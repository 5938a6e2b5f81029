"""The model under test, its inputs, and its speed without a service."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.contract.buckets import Bucket, buckets_for, choose_bucket
from service.contract.metadata import INPUT_NAME, LIGHT_NAME
from service.contract.pair import PARTS, SURFACE_NAMES
from service.inference.model import WHOLE
from service.inference.session import Session, Tensors
from service.inference.warming import plain_inputs
from service.settings import Settings

_SIDE_PX = 96  # of the photos of the load
_NUM_ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to serve under load.

    Attributes:
        name: its name in the tables.
        knobs: settings of the service.
        t1_s: T(1).
        t_full_s: T(n) of the largest batch; measured again at each call.
        num_full: its n.
        deadline_s: deadline of the requests.
        fake: T(n) of the fake engine, or None.
        model: the file, or None.
    """

    name: str
    knobs: Mapping[str, object]
    t1_s: float
    t_full_s: Callable[[], float]
    num_full: int
    deadline_s: float
    fake: str | None = None
    model: Path | None = None

    @property
    def capacity_hz(self) -> float:
        """Images per second of the engine alone."""
        return self.num_full / self.t_full_s()


def fake_subject() -> Subject:
    """A fake engine: T(n) = 40 + 30 n ms, at most 8 in a batch."""
    return Subject(
        name="fake engine, T(n) = 40 + 30 n ms",
        knobs={"max_batch_size": 8},
        t1_s=0.070,
        t_full_s=lambda: 0.280,
        num_full=8,
        deadline_s=1.0,
        fake="40+30n",
    )


def real_subject(model: Path | None = None) -> Subject:
    """A real model on one CPU thread, which leaves the others to the service.

    Args:
        model: one of its files; None: the model that the service takes by default.
    """
    path = model or shipped_model()
    graphs = open_graphs(path, num_threads=1)
    bucket = choose_bucket(_SIDE_PX, _SIDE_PX, buckets_of(graphs))
    feeds = {
        part: plain_inputs(part, graph, 1, bucket.height_px, bucket.width_px)
        for part, graph in graphs.items()
    }

    def measure_s() -> float:
        times_s = []
        for _ in range(_NUM_ROUNDS):
            started_s = time.perf_counter()
            for part, graph in graphs.items():
                graph.run(feeds[part])
            times_s.append(time.perf_counter() - started_s)
        return statistics.median(times_s)

    measure_s()  # the first runs allocate the memory
    t1_s = measure_s()
    return Subject(
        name=f"{path.name} on one CPU thread, T(1) = {t1_s * 1e3:.0f} ms",
        knobs={"max_batch_size": 1, "num_device_threads": 1, "providers": "cpu"},
        t1_s=t1_s,
        t_full_s=measure_s,
        num_full=1,
        deadline_s=max(1.0, 8 * t1_s),
        model=path,
    )


def shipped_model() -> Path:
    """Return a file of the model that the service takes by default: a pair's, if there is one."""
    paths = Settings().models_dir.glob("*.onnx")
    return min(paths, key=lambda path: (not path.stem.endswith(".scene"), path))


def open_graphs(path: Path, num_threads: int) -> Mapping[str, Session]:
    """Open the graphs of a model, by part; of a pair, any of its files will do."""
    name, _, part = path.stem.rpartition(".")
    if part not in PARTS:
        return {WHOLE: Session(path, device="cpu", num_threads=num_threads)}
    return {
        part: Session(path.with_name(f"{name}.{part}.onnx"), device="cpu", num_threads=num_threads)
        for part in PARTS
    }


def graph_paths(path: Path) -> Sequence[Path]:
    """Return the files of a model's graphs; of a pair, any of its files will do."""
    name, _, part = path.stem.rpartition(".")
    return [path.with_name(f"{name}.{part}.onnx") for part in PARTS] if part in PARTS else [path]


def inputs_of(path: Path, size: int, side_px: int) -> Tensors:
    """Return a batch for a graph: noise, or what the scene graph of its pair reads from it.

    Args:
        path: the file of the graph.
        size: number of pictures.
        side_px: of the square pictures, a multiple of 16.
    """
    image = np.random.default_rng(0).integers(0, 256, (size, side_px, side_px, 3), np.uint8)
    graphs = open_graphs(path, num_threads=1)
    if WHOLE in graphs:
        takes_light = LIGHT_NAME in graphs[WHOLE].inputs
        return {INPUT_NAME: image} | ({LIGHT_NAME: np.zeros(size, np.int64)} if takes_light else {})
    if path.stem.endswith(".scene"):
        return {INPUT_NAME: image}
    read = graphs["scene"].run({INPUT_NAME: image})
    light = np.array([[0.6, 0.6, 0.53]] * size, np.float32)
    softness = np.full(size, 0.2, np.float32)
    return {name: read[name] for name in SURFACE_NAMES} | {"light": light, "softness": softness}


def differences(outputs: Tensors, exact: Tensors) -> Mapping[str, NDArray[Any]]:
    """Return how far each output is from the exact one, as shares of its range."""
    return {
        name: np.abs(outputs[name] - exact[name]) / max(1e-6, float(np.ptp(exact[name])))
        for name in exact
    }


def buckets_of(graphs: Mapping[str, Session]) -> Sequence[Bucket]:
    """Return the shapes that a model runs at."""
    return buckets_for(int(next(iter(graphs.values())).metadata["size_px"]))
