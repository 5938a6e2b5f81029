"""A device that runs several batches of one item at once, as a CPU does."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relight.errors import DeadlineExceeded, Draining, InferenceFailed, Overloaded
from service.batching.batcher import Batcher
from service.batching.durations import Durations
from service.batching.sizes import BatchSizes
from tests.service.batching.batchers import POISON, expect_own_answers, leave, queued
from tests.service.batching.schedules import Job, admitted, durations, schedule


class Cores:
    """Squares numbers, several at once; chokes on POISON; can be held."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []  # items, each with the calls that share the device
        self.num_now = self.most_at_once = 0
        self.free = threading.Event()
        self.free.set()
        self._lock = threading.Lock()

    def run(self, items, concurrency):
        (item,) = items
        with self._lock:
            self.begun.append((item, concurrency))
            self.num_now += 1
            self.most_at_once = max(self.most_at_once, self.num_now)
        assert self.free.wait(10)
        with self._lock:
            self.num_now -= 1
        if item == POISON:
            raise ValueError("poison")
        return [item * item]

    async def busy(self, num_items: int) -> None:
        """Wait until so many items run."""
        with anyio.fail_after(5):
            while self.num_now != num_items:
                await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def cores_of(device, *, num_cores=2, table=None, max_wait_s=60.0, **more):
    batcher = Batcher(
        list,
        device.run,
        durations=table or Durations(),
        sizes=BatchSizes([n for n in (1, 2, 4) if n <= num_cores]),
        max_wait_s=max_wait_s,
        max_concurrency=num_cores,
        **more,
    )
    batcher.start()
    try:
        yield batcher
    finally:
        device.free.set()
        await batcher.close()


async def test_an_item_that_comes_while_another_one_runs_begins_at_once():
    device = Cores()
    device.free.clear()
    async with cores_of(device) as batcher:
        first = asyncio.create_task(batcher.submit(3, key="k"))
        await device.busy(1)
        second = asyncio.create_task(batcher.submit(4, key="other"))
        await device.busy(2)
        device.free.set()
        answers = await asyncio.gather(first, second)
    assert [(answer.value, answer.batch_size) for answer in answers] == [(9, 1), (16, 1)]
    assert device.begun == [(3, 1), (4, 2)]  # the first one had the device to itself


async def test_no_more_items_run_at_once_than_the_device_takes():
    device = Cores()
    device.free.clear()
    async with cores_of(device, num_cores=4) as batcher:
        tasks = [asyncio.create_task(batcher.submit(n, key="k")) for n in range(9)]
        await device.busy(4)
        await queued(batcher, 5)
        device.free.set()
        answers = await asyncio.gather(*tasks)
    assert [answer.value for answer in answers] == [n * n for n in range(9)]
    assert device.most_at_once == 4
    assert {concurrency for _, concurrency in device.begun} <= {1, 2, 4}


async def test_items_that_share_the_device_are_learned_apart_from_lone_ones():
    heard = []
    device, table = Cores(), Durations()
    device.free.clear()
    async with cores_of(device, table=table, observe=heard.append) as batcher:
        tasks = [asyncio.create_task(batcher.submit(n, key="k")) for n in (1, 2)]
        await device.busy(2)
        table.observe("k", 1, 5.0)
        device.free.set()
        await asyncio.gather(*tasks)
    assert sorted((batch.size, batch.concurrency) for batch in heard)[-1] == (1, 2)
    assert table.batch_s("k", 2) < 5.0


async def test_one_poisoned_item_fails_alone():
    device = Cores()
    async with cores_of(device) as batcher:
        calls = [batcher.submit(n, key="k") for n in (1, POISON, 2, 3)]
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(results[1], InferenceFailed)
    assert [r.value for r in results if not isinstance(r, Exception)] == [1, 4, 9]


async def test_a_caller_who_leaves_costs_no_device_time():
    device = Cores()
    device.free.clear()
    async with cores_of(device) as batcher:
        stayers = [asyncio.create_task(batcher.submit(n, key="k")) for n in (0, 1)]
        await device.busy(2)
        leaver = asyncio.create_task(batcher.submit(2, key="k"))
        await queued(batcher, 1)
        await leave(leaver)
        device.free.set()
        await asyncio.gather(*stayers)
    assert {item for item, _ in device.begun} == {0, 1}


async def test_closing_answers_everything_admitted_and_ends_every_thread():
    device = Cores()
    device.free.clear()
    async with cores_of(device) as batcher:
        admitted_ones = [asyncio.create_task(batcher.submit(n, key="k")) for n in range(6)]
        await device.busy(2)
        closing = asyncio.create_task(batcher.close())
        with anyio.fail_after(5), pytest.raises(Draining):
            while True:  # until it has begun to close
                batcher.check()
                await anyio.lowlevel.checkpoint()
        device.free.set()
        await closing
        answers = await asyncio.gather(*admitted_ones)
        assert [answer.value for answer in answers] == [n * n for n in range(6)]
        assert not batcher.alive


async def test_a_dead_thread_leaves_no_caller_waiting(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    device = Cores()

    def die(items, concurrency):
        raise SystemExit

    device.run = die
    async with cores_of(device) as batcher:
        with anyio.fail_after(5), pytest.raises(InferenceFailed):
            await batcher.submit(1, key="k")
        await batcher.close()
        with pytest.raises(Draining):
            await batcher.submit(2, key="k")


async def test_the_wait_counts_what_every_thread_still_has_to_do():
    device = Cores()
    device.free.clear()
    async with cores_of(device, table=durations(k={1: 6.0, 2: 10.0}), max_wait_s=15.0) as batcher:
        tasks = [asyncio.create_task(batcher.submit(0, key="k"))]
        await device.busy(1)
        assert batcher.wait_s == 0.0  # the other thread is free
        tasks += [asyncio.create_task(batcher.submit(n, key="k")) for n in (1, 2, 3)]
        await queued(batcher, 2)
        # Two run, of 6 and of 10 s; two more take 10 s together.
        assert batcher.wait_s == pytest.approx(18.0, abs=1.0)
        with pytest.raises(Overloaded):
            await batcher.submit(4, key="k")
        device.free.set()
        await asyncio.gather(*tasks)


def test_a_deadline_is_held_against_what_the_item_takes_beside_others():
    plan = schedule(durations(a={1: 1.0, 2: 3.0}), max_size=2, max_concurrency=2)
    hurried, patient = admitted(plan, [Job(deadline_s=2.0), Job(deadline_s=9.0)])
    alone = plan.take(0.0, num_running=0)
    assert (list(alone.late), list(alone.batch), alone.concurrency) == ([hurried], [patient], 1)


def test_an_estimate_that_keeps_a_shared_device_idle_is_doubted():
    table = durations(a={1: 0.1, 2: 0.1})
    for _ in range(20):
        table.observe("a", 2, 5.0)  # as when the machine was busy with something else
    plan = schedule(table, max_size=2, max_concurrency=2)
    for number in range(60):
        try:
            plan.admit(Job(arrived_s=number, deadline_s=number + 1), now_s=number)
        except (Overloaded, DeadlineExceeded):
            continue
        if plan.take(number, num_running=1).batch:
            return
    raise AssertionError("no photo is let in beside another one")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    items=st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from("ab"), st.booleans()), max_size=40
    ),
    num_cores=st.sampled_from([2, 4]),
)
def test_each_caller_gets_its_own_answer_even_if_others_are_poisoned_or_leave(items, num_cores):
    async def play() -> None:
        device = Cores()
        async with cores_of(device, num_cores=num_cores) as batcher:
            await expect_own_answers(batcher, items)
        assert device.most_at_once <= num_cores

    asyncio.run(play())
