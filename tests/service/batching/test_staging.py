from __future__ import annotations

import asyncio
import threading

from relight.errors import InferenceFailed
from service.batching.schedule import Schedule
from tests.service.batching.batchers import Device, batching, leave, queued


class Staging:
    """Notes what is staged and by which thread."""

    def __init__(self, monkeypatch) -> None:
        self.calls: list[tuple[str, list[int]]] = []
        self._num_handed_over = 0
        self._handed_over = threading.Semaphore(0)
        preview = Schedule.preview

        def noted_preview(schedule, now_s):
            """The look-ahead thread asks again as soon as it has handed over what it staged."""
            if self._num_ahead > self._num_handed_over:
                self._num_handed_over += 1
                self._handed_over.release()
            return preview(schedule, now_s)

        monkeypatch.setattr(Schedule, "preview", noted_preview)

    @property
    def _num_ahead(self) -> int:
        return sum(thread == "look-ahead" for thread, _ in self.calls)

    def stage(self, items):
        self.calls.append((threading.current_thread().name, list(items)))
        return items

    async def happened(self) -> None:
        """Wait until one more batch has been staged ahead and handed over."""
        assert await asyncio.to_thread(self._handed_over.acquire, timeout=5)


async def test_the_next_batch_is_staged_while_the_current_one_runs(monkeypatch):
    device, staging = Device(), Staging(monkeypatch)
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


async def test_an_item_that_arrives_after_the_next_batch_was_staged_still_joins_it(monkeypatch):
    device, staging = Device(), Staging(monkeypatch)
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


async def test_a_caller_who_leaves_after_the_next_batch_was_staged_costs_no_device_time(
    monkeypatch,
):
    device, staging = Device(), Staging(monkeypatch)
    device.free.clear()
    async with batching(device.run, stage=staging.stage, sizes=(1, 2)) as batcher:
        first = asyncio.create_task(batcher.submit(1, key="k"))
        await device.busy()
        leaver = asyncio.create_task(batcher.submit(2, key="k"))
        stayer = asyncio.create_task(batcher.submit(3, key="k"))
        await staging.happened()
        await leave(leaver)
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
        await queued(batcher, 2)
        device.free.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)
    assert [getattr(result, "value", None) for result in results] == [1, 4, None]
    assert isinstance(results[2], InferenceFailed)
