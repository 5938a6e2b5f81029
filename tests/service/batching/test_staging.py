from __future__ import annotations

import asyncio
import threading

import pytest

from relight.errors import InferenceFailed
from tests.service.batching.batchers import Device, batching

pytestmark = pytest.mark.serial


class Staging:
    """Notes what is staged and by which thread."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int]]] = []
        self.done = threading.Event()

    def stage(self, items):
        self.calls.append((threading.current_thread().name, list(items)))
        if threading.current_thread().name == "look-ahead":
            self.done.set()
        return items

    async def happened(self) -> None:
        """Wait until something has been staged ahead."""
        assert await asyncio.to_thread(self.done.wait, 5)
        await asyncio.sleep(0.01)  # until it is handed over
        self.done.clear()


async def test_the_next_batch_is_prepared_while_the_present_one_runs():
    device, staging = Device(), Staging()
    device.free.clear()
    async with batching(device.run, stage=staging.stage) as batcher:
        first = asyncio.create_task(batcher.submit(1, key="k"))
        await device.busy()
        second = asyncio.create_task(batcher.submit(2, key="k"))
        await staging.happened()
        assert device.batches == [[1]]  # it still runs
        device.free.set()
        await asyncio.gather(first, second)
    assert staging.calls == [("device", [1]), ("look-ahead", [2])]  # and not once more
    assert device.batches == [[1], [2]]


async def test_whoever_comes_after_the_next_batch_was_prepared_still_joins_it():
    device, staging = Device(), Staging()
    device.free.clear()
    async with batching(device.run, stage=staging.stage) as batcher:
        tasks = [asyncio.create_task(batcher.submit(1, key="k"))]
        await device.busy()
        tasks.append(asyncio.create_task(batcher.submit(2, key="k")))
        await staging.happened()
        tasks.append(asyncio.create_task(batcher.submit(3, key="k")))
        await staging.happened()
        device.free.set()
        await asyncio.gather(*tasks)
    assert staging.calls[1:] == [("look-ahead", [2]), ("look-ahead", [2, 3])]
    assert device.batches == [[1], [2, 3]]


async def test_whoever_leaves_after_the_next_batch_was_prepared_costs_no_device_time():
    device, staging = Device(), Staging()
    device.free.clear()
    async with batching(device.run, stage=staging.stage, sizes=(1, 2)) as batcher:
        first = asyncio.create_task(batcher.submit(1, key="k"))
        await device.busy()
        leaver = asyncio.create_task(batcher.submit(2, key="k"))
        stayer = asyncio.create_task(batcher.submit(3, key="k"))
        await staging.happened()
        leaver.cancel()
        await asyncio.sleep(0.01)
        device.free.set()
        await asyncio.gather(first, stayer)
    assert device.batches == [[1], [3]]


async def test_an_item_that_cannot_be_staged_fails_alone():
    device = Device()
    device.free.clear()

    def stage(items):
        if 7 in items:
            raise ValueError("it does not fit")
        return items

    async with batching(device.run, stage=stage) as batcher:
        first = asyncio.create_task(batcher.submit(1, key="k"))
        await device.busy()
        others = [asyncio.create_task(batcher.submit(n, key="k")) for n in (2, 7)]
        await asyncio.sleep(0.05)
        device.free.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)
    assert [getattr(result, "value", None) for result in results] == [1, 4, None]
    assert isinstance(results[2], InferenceFailed)
