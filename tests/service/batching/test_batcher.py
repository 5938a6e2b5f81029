from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relight.errors import DeadlineExceeded, Draining, InferenceFailed, Overloaded
from service.batching import batcher as batcher_module
from service.batching.durations import Durations
from service.batching.schedule import Schedule
from tests.service.batching.batchers import (
    POISON,
    Device,
    batching,
    expect_own_answers,
    leave,
    queued,
)


async def test_a_lone_item_is_answered_alone_and_at_once():
    device = Device()
    async with batching(device.run) as batcher:
        answer = await batcher.submit(3, key="k")
    assert (answer.value, answer.batch_size) == (9, 1)
    assert answer.waited_s >= 0
    assert answer.ran_s >= 0


async def test_items_that_arrive_during_a_batch_share_the_next():
    device = Device()
    device.free.clear()
    async with batching(device.run) as batcher:
        first = asyncio.create_task(batcher.submit(0, key="k"))
        await device.busy()
        others = [asyncio.create_task(batcher.submit(n, key="k")) for n in (1, 2, 3, 4, 5)]
        await queued(batcher, 5)
        device.free.set()
        answers = await asyncio.gather(first, *others)
    assert [answer.value for answer in answers] == [0, 1, 4, 9, 16, 25]
    assert device.batches == [[0], [1, 2, 3, 4], [5]]


async def test_one_poisoned_item_fails_alone():
    device = Device()
    device.free.clear()
    async with batching(device.run) as batcher:
        first = asyncio.create_task(batcher.submit(0, key="k"))
        await device.busy()
        others = [asyncio.create_task(batcher.submit(n, key="k")) for n in (1, POISON, 2, 3)]
        await queued(batcher, 4)
        device.free.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)
    assert isinstance(results[2], InferenceFailed)
    assert [r.value for r in results if not isinstance(r, Exception)] == [0, 1, 4, 9]
    assert device.batches[1:] == [[1, POISON, 2, 3], [1], [POISON], [2], [3]]


async def test_a_run_that_loses_results_fails_its_items_and_shifts_none():
    async with batching(lambda items: [0] * (len(items) - 1)) as batcher:
        with pytest.raises(InferenceFailed):
            await batcher.submit(1, key="k")


async def test_a_caller_who_leaves_costs_no_device_time():
    device = Device()
    device.free.clear()
    async with batching(device.run) as batcher:
        first = asyncio.create_task(batcher.submit(0, key="k"))
        await device.busy()
        leaver = asyncio.create_task(batcher.submit(1, key="k"))
        stayer = asyncio.create_task(batcher.submit(2, key="k"))
        await queued(batcher, 2)
        await leave(leaver)
        device.free.set()
        await asyncio.gather(first, stayer)
    assert device.batches == [[0], [2]]


async def test_a_caller_who_leaves_during_the_run_hurts_no_other():
    device = Device()
    device.free.clear()
    async with batching(device.run) as batcher:
        leaver = asyncio.create_task(batcher.submit(0, key="k"))
        await device.busy()
        await leave(leaver)
        device.free.set()
        assert (await batcher.submit(5, key="k")).value == 25


async def test_a_deadline_that_passes_in_the_queue_is_reported(monkeypatch):
    device, clock_s = Device(), [100.0]
    monkeypatch.setattr(batcher_module, "time", SimpleNamespace(monotonic=lambda: clock_s[0]))
    device.free.clear()
    async with batching(device.run) as batcher:
        first = asyncio.create_task(batcher.submit(0, key="k"))
        await device.busy()
        late = asyncio.create_task(batcher.submit(1, key="k", deadline_s=101.0))
        await queued(batcher, 1)
        clock_s[0] = 102.0
        device.free.set()
        with pytest.raises(DeadlineExceeded):
            await late
        await first
    assert device.batches == [[0]]


async def test_overload_is_refused_at_once_by_the_estimated_wait(monkeypatch):
    monkeypatch.setattr(batcher_module, "time", SimpleNamespace(monotonic=lambda: 100.0))
    device = Device()
    device.free.clear()
    durations = Durations()
    durations.observe("k", 1, 10.0)
    async with batching(device.run, durations=durations, sizes=(1,), max_wait_s=15.0) as batcher:
        admitted = [asyncio.create_task(batcher.submit(0, key="k"))]
        await device.busy()
        admitted.append(asyncio.create_task(batcher.submit(1, key="k")))
        await queued(batcher, 1)
        assert batcher.wait_s == pytest.approx(20.0)
        with pytest.raises(Overloaded) as refusal:
            await batcher.submit(2, key="k")
        assert refusal.value.retry_after_s == pytest.approx(20.0)
        with pytest.raises(Overloaded):
            batcher.check()
        device.free.set()
        await asyncio.gather(*admitted)


async def test_closing_answers_everything_admitted_and_refuses_the_rest():
    device = Device()
    device.free.clear()
    async with batching(device.run) as batcher:
        admitted = [asyncio.create_task(batcher.submit(n, key="k")) for n in range(10)]
        await device.busy()
        closing = asyncio.create_task(batcher.close())
        with anyio.fail_after(5), pytest.raises(Draining):
            while True:  # until it has begun to close
                batcher.check()
                await anyio.lowlevel.checkpoint()
        with pytest.raises(Draining):
            await batcher.submit(99, key="k")
        device.free.set()
        await closing
        assert sorted(answer.value for answer in await asyncio.gather(*admitted)) == [
            n * n for n in range(10)
        ]
        assert not batcher.alive


async def test_a_dead_device_thread_leaves_no_caller_waiting(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda args: None)

    def die(items):
        raise SystemExit

    async with batching(die) as batcher:
        with anyio.fail_after(5), pytest.raises(InferenceFailed):
            await batcher.submit(1, key="k")
        await batcher.close()
        assert not batcher.alive
        with pytest.raises(Draining):
            await batcher.submit(2, key="k")


async def test_the_observer_is_informed_of_every_call_of_the_device():
    heard = []
    device = Device()
    async with batching(device.run, observe=heard.append) as batcher:
        await batcher.submit(1, key="k")
        with pytest.raises(InferenceFailed):
            await batcher.submit(POISON, key="k")
    assert [(batch.key, batch.size, batch.failed) for batch in heard] == [
        ("k", 1, False),
        ("k", 1, True),
    ]


async def test_an_idle_batcher_blocks_and_does_not_poll(monkeypatch):
    decided_s, timeouts_s = [], []
    take, wait_for = Schedule.take, threading.Condition.wait_for

    def counted_take(self, now_s, **more):
        decided_s.append(now_s)
        return take(self, now_s, **more)

    def recorded_wait_for(self, predicate, timeout=None):
        timeouts_s.append(timeout)
        return wait_for(self, predicate, timeout)

    monkeypatch.setattr(Schedule, "take", counted_take)
    monkeypatch.setattr(threading.Condition, "wait_for", recorded_wait_for)
    async with batching(Device().run) as batcher:
        for number in range(5):
            await batcher.submit(number, key="k")
    assert len(decided_s) <= 5 + 1  # and once to close
    assert set(timeouts_s) == {None}


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    items=st.lists(st.tuples(st.integers(0, 20), st.sampled_from("ab"), st.booleans()), max_size=40)
)
def test_each_caller_gets_its_own_answer_even_if_others_are_poisoned_or_leave(items):
    async def play() -> None:
        device = Device()
        async with batching(device.run) as batcher:
            await expect_own_answers(batcher, items)
        assert all(len(batch) in {1, 2, 4} for batch in device.batches)

    asyncio.run(play())
