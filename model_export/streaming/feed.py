"""Batches of samples, drawn by processes of their own while the network learns."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model_export.streaming.pool import ScenePool
from model_export.streaming.samples import batch, draw_sample
from model_export.streaming.spool import SpoolReader

_NUM_WAITING: Final = 6  # batches, for each process
_LOOK_EVERY_S: Final = 5.0

Batch = dict[str, Tensor]


class Feed:
    """Asks the processes for batches of a size, and hands them out as they come."""

    def __init__(
        self, wishes: Queue[tuple[int, int]], batches: Queue[Stored], num_processes: int
    ) -> None:
        self._wishes = wishes
        self._batches = batches
        self._num_waiting = _NUM_WAITING * num_processes

    def batches(self, num_batches: int, size_px: int, batch_size: int) -> Iterator[Batch]:
        """Yield batches as tensors, float32; `samples.draw_sample` says what they hold."""
        num_asked = min(self._num_waiting, num_batches)
        for _ in range(num_asked):
            self._wishes.put((size_px, batch_size))
        for _ in range(num_batches):
            stored = self._batches.get()
            if num_asked < num_batches:
                self._wishes.put((size_px, batch_size))
                num_asked += 1
            yield {name: torch.from_numpy(value).float() for name, value in stored.items()}


Stored = dict[str, NDArray[np.float16]]


@contextmanager
def feeding(
    folder: Path, *, min_scenes: int, capacity: int, seed: int, num_processes: int = 1
) -> Iterator[Feed]:
    """Draw batches from the scenes of a spool while the block runs.

    Args:
        folder: the spool.
        min_scenes: to wait for before the first batch.
        capacity: scenes to keep in memory.
        seed: of all chance.
        num_processes: that draw; each has its own share of the scenes.
    """
    context = get_context("spawn")
    wishes: Queue[tuple[int, int]] = context.Queue()
    batches: Queue[Stored] = context.Queue()
    processes = [
        context.Process(
            target=_draw,
            args=(SpoolReader(folder, share, num_processes), wishes, batches),
            kwargs={
                "min_scenes": -(-min_scenes // num_processes),
                "capacity": -(-capacity // num_processes),
                "seed": (seed, share),
            },
            daemon=True,
        )
        for share in range(num_processes)
    ]
    for process in processes:
        process.start()
    try:
        yield Feed(wishes, batches, num_processes)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _draw(
    reader: SpoolReader,
    wishes: Queue[tuple[int, int]],
    batches: Queue[Stored],
    *,
    min_scenes: int,
    capacity: int,
    seed: tuple[int, int],
) -> None:
    cv2.setNumThreads(1)
    parent, rng = os.getppid(), np.random.default_rng(seed)
    pool = ScenePool(capacity)
    looked_s = 0.0
    while os.getppid() == parent:
        if time.monotonic() - looked_s > _LOOK_EVERY_S or len(pool) < min_scenes:
            for maps in reader.new_scenes():
                pool.add(maps)
            looked_s = time.monotonic()
        if len(pool) < min_scenes:
            time.sleep(1)
            continue
        size_px, batch_size = wishes.get()
        drawn = batch([draw_sample(pool.choose(rng), size_px, rng) for _ in range(batch_size)])
        batches.put({name: value.astype(np.float16) for name, value in drawn.items()})
