"""A device that notes what it ran, and a batcher around one."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager

import anyio

from relight.errors import InferenceFailed
from service.batching.batcher import Batcher
from service.batching.durations import Durations
from service.batching.sizes import BatchSizes
from service.batching.urgency import Priority

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


async def queued(batcher: Batcher, num_items: int) -> None:
    """Wait until so many items of the key "k" wait for the device."""
    with anyio.fail_after(5):
        while batcher.waiting("k", Priority.INTERACTIVE) != num_items:
            await anyio.lowlevel.checkpoint()


async def expect_own_answers(batcher: Batcher, items: list[tuple[int, str, bool]]) -> None:
    """Submit (number, key, whether its caller leaves); each caller gets what is its own."""
    tasks = [asyncio.create_task(batcher.submit(n, key=key)) for n, key, _ in items]
    await asyncio.sleep(0)
    for task, (_, _, leaves) in zip(tasks, items, strict=True):
        if leaves:
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for (n, _, leaves), result in zip(items, results, strict=True):
        if leaves:
            assert isinstance(result, asyncio.CancelledError)
        elif n == POISON:
            assert isinstance(result, InferenceFailed)
        else:
            assert result.value == n * n


async def leave(caller: asyncio.Task) -> None:
    """Cancel a call, and wait until it has ended."""
    caller.cancel()
    await asyncio.wait([caller])


@asynccontextmanager
async def batching(run, *, stage=list, durations=None, sizes=(1, 2, 4), max_wait_s=60.0, **more):
    batcher = Batcher(
        stage,
        lambda items, concurrency: run(items),
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
