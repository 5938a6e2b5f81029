from __future__ import annotations

import asyncio
import threading

import pytest

from relight.errors import InferenceFailed, OutOfMemory
from tests.service.batching.batchers import POISON, Device, batching, leave, queued


class SmallDevice(Device):
    """Has memory for so many items only."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def run(self, items):
        values = super().run(items)
        if len(items) > self.most:
            raise OutOfMemory("no memory")
        return values


@pytest.mark.parametrize(
    ("most", "sizes"), [(2, [1, 4, 2, 2, 2, 2]), (1, [1, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1])]
)
async def test_a_batch_without_memory_is_halved_and_its_size_never_used_again(most, sizes):
    device = SmallDevice(most)
    heard = []
    device.free.clear()
    async with batching(device.run, observe=heard.append) as batcher:
        first = asyncio.create_task(batcher.submit(0, key="k"))
        await device.busy()
        others = [asyncio.create_task(batcher.submit(n, key="k")) for n in range(1, 9)]
        await queued(batcher, 8)
        device.free.set()
        answers = await asyncio.gather(first, *others)
    assert [answer.value for answer in answers] == [n * n for n in range(9)]
    assert [len(batch) for batch in device.batches] == sizes
    assert sum(batch.lacked_memory for batch in heard) == sum(size > most for size in sizes)


async def test_an_item_for_which_there_is_no_memory_alone_fails_alone():
    async with batching(SmallDevice(0).run) as batcher:
        with pytest.raises(OutOfMemory):
            await batcher.submit(1, key="k")


async def test_an_item_whose_caller_leaves_while_its_batch_fails_is_not_run_again():
    device = Device()
    begun, go_on = threading.Event(), threading.Event()
    device.free.clear()

    def run(items):
        if len(items) > 1:
            begun.set()
            assert go_on.wait(10)
        return device.run(items)

    async with batching(run, sizes=(1, 2)) as batcher:
        first = asyncio.create_task(batcher.submit(0, key="k"))
        await device.busy()
        leaver = asyncio.create_task(batcher.submit(1, key="k"))
        poison = asyncio.create_task(batcher.submit(POISON, key="k"))
        await queued(batcher, 2)
        device.free.set()
        await first
        assert await asyncio.to_thread(begun.wait, 5)
        await leave(leaver)
        go_on.set()
        with pytest.raises(InferenceFailed):
            await poison
    assert device.batches == [[0], [1, POISON], [POISON]]
