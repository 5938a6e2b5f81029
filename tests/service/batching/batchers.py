"""A device that notes what it ran, and a batcher around one."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager

from service.batching.batcher import Batcher
from service.batching.durations import Durations
from service.batching.sizes import BatchSizes

POISON = 13


class Device:
    """Squares numbers, one batch at a time; chokes on POISON; can be held."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def run(self, items):
        self.batches.append(list(items))
        self.begun.set()
        assert self.free.wait(10)
        if POISON in items:
            raise ValueError("poison")
        return [item * item for item in items]

    async def busy(self) -> None:
        """Wait until a batch has begun."""
        assert await asyncio.to_thread(self.begun.wait, 5)


@asynccontextmanager
async def batching(run, *, stage=list, durations=None, sizes=(1, 2, 4), max_wait_s=60.0, **more):
    batcher = Batcher(
        stage,
        run,
        durations=durations or Durations(),
        sizes=BatchSizes(sizes),
        max_wait_s=max_wait_s,
        **more,
    )
    batcher.start()
    try:
        yield batcher
    finally:
        await batcher.close()
