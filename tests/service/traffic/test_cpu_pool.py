from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from functools import partial
from types import SimpleNamespace

import anyio
import pytest

from relight.errors import ServerFull
from service.traffic import cpu_pool
from service.traffic.cpu_pool import CpuPool, OverBudget, Step
from service.traffic.working_memory import WorkingMemory


async def until(condition):
    with anyio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - threads change it
            await anyio.sleep(0.001)


async def begun(pool: CpuPool, num_jobs: int) -> None:
    """Wait until so many jobs run or wait."""
    await until(lambda: len(pool._pending) == num_jobs)


async def running(pool: CpuPool, num_jobs: int) -> None:
    """Wait until so many jobs run."""
    await until(lambda: sum(j.thread is not None for j in pool._pending.values()) == num_jobs)


@pytest.fixture
def pool():
    pool = CpuPool(1)
    yield pool
    pool.close()


async def test_a_job_past_its_budget_gives_its_place_to_the_next(pool):
    stop = threading.Event()
    try:
        with pytest.raises(OverBudget):
            await pool.run(Step.PREPARE, stop.wait, budget_s=0.05)
        assert await asyncio.wait_for(pool.run(Step.PREPARE, lambda: "next"), 30) == "next"
        assert pool.wait_s() == 0
    finally:
        stop.set()


async def test_the_budget_begins_when_the_job_begins(pool, monkeypatch):
    clock_s, free = [0.0], threading.Event()
    monkeypatch.setattr(cpu_pool, "time", SimpleNamespace(monotonic=lambda: clock_s[0]))
    first = asyncio.create_task(pool.run(Step.PREPARE, free.wait))
    second = asyncio.create_task(pool.run(Step.PREPARE, lambda: "in time", budget_s=0.01))
    await begun(pool, 2)
    clock_s[0] = 100.0
    await asyncio.wait([second], timeout=0.1)  # it looks at the clock every 10 ms
    free.set()
    assert await second == "in time"
    await first


async def test_as_many_jobs_run_at_once_as_there_are_threads_and_no_more():
    pool, lock, num_running, most = CpuPool(2), threading.Lock(), 0, 0
    both = threading.Barrier(2)

    def work():
        nonlocal num_running, most
        with lock:
            num_running += 1
            most = max(most, num_running)
        both.wait(30)
        with lock:
            num_running -= 1

    try:
        await asyncio.gather(*(pool.run(Step.PREPARE, work) for _ in range(8)))
    finally:
        pool.close()
    assert most == 2


async def test_a_job_that_fails_with_a_timeout_of_its_own_is_not_over_budget(pool):
    def fail():
        raise TimeoutError("own")

    with pytest.raises(TimeoutError, match="own"):
        await pool.run(Step.PREPARE, fail, budget_s=5)


async def test_a_cancelled_call_leaves_no_trace_in_the_queue(pool):
    stop = threading.Event()
    first = asyncio.create_task(pool.run(Step.PREPARE, stop.wait))
    second = asyncio.create_task(pool.run(Step.PREPARE, lambda: None))
    await begun(pool, 2)
    second.cancel()
    await asyncio.wait([second])
    stop.set()
    await first
    assert pool.wait_s() == 0
    assert await pool.run(Step.PREPARE, lambda: 1) == 1


async def test_finishing_goes_ahead_of_preparing():
    pool, free, order = CpuPool(1), threading.Event(), []
    try:
        busy = asyncio.create_task(pool.run(Step.PREPARE, free.wait))
        await running(pool, 1)
        steps = [Step.PREPARE, Step.PREPARE, Step.FINISH]
        others = [asyncio.create_task(pool.run(s, lambda s=s: order.append(s))) for s in steps]
        await begun(pool, 1 + len(steps))
        free.set()
        await asyncio.gather(busy, *others)
    finally:
        pool.close()
    assert order == [Step.FINISH, Step.PREPARE, Step.PREPARE]


@pytest.mark.parametrize("step", [Step.PREPARE, Step.CONVERT])
async def test_callers_take_turns_at_preparing_however_many_one_of_them_sends(step):
    pool, free, order = CpuPool(1), threading.Event(), []
    try:
        busy = asyncio.create_task(pool.run(Step.PREPARE, free.wait))
        await running(pool, 1)
        callers = [("flood", step)] * 10 + [("few", Step.PREPARE)] * 2
        others = [
            asyncio.create_task(pool.run(s, lambda c=c: order.append(c), caller=c))
            for c, s in callers
        ]
        await begun(pool, 1 + len(callers))
        free.set()
        await asyncio.gather(busy, *others)
    finally:
        pool.close()
    assert order[:4] == ["flood", "few", "flood", "few"]


async def test_a_caller_does_not_wait_for_another_one_that_floods_the_pool():
    pool, free = CpuPool(1), threading.Event()
    try:
        await pool.run(Step.PREPARE, lambda: time.sleep(0.02))
        tasks = [
            asyncio.create_task(pool.run(Step.PREPARE, free.wait, caller="flood"))
            for _ in range(20)
        ]
        await begun(pool, 20)
        assert pool.wait_s("few") < 0.2 * pool.wait_s("flood")
        free.set()
        await asyncio.gather(*tasks)
    finally:
        pool.close()


async def test_threads_that_do_not_start_are_started_with_a_later_job(monkeypatch):
    start, refused = threading.Thread.start, iter([True, True])

    def start_later(thread):
        if next(refused, False):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_later)
    pool = CpuPool(2)
    for _ in range(2):
        with pytest.raises(ServerFull):
            await pool.run(Step.PREPARE, lambda: "done")
    assert pool.why_not_alive is None  # nothing waits
    assert [await pool.run(Step.PREPARE, lambda: "done") for _ in range(3)] == ["done"] * 3
    pool.close()


async def test_jobs_run_together_only_where_memory_is_enough_for_both():
    memory = WorkingMemory(100)
    pool, free, taken = CpuPool(3, memory), threading.Event(), []

    def job(name):
        taken.append((name, memory.num_bytes))
        free.wait(30)

    def start(name, num_bytes):
        work = partial(job, name)
        return asyncio.create_task(pool.run(Step.PREPARE, work, num_bytes=num_bytes))

    jobs = [start("a", 60)]
    await until(lambda: taken)
    jobs += [start("b", 60), start("c", 1000)]
    await until(lambda: len(memory._waiting) == 2)
    assert taken == [("a", 60)]
    free.set()
    await asyncio.gather(*jobs)
    assert set(taken) == {("a", 60), ("b", 60), ("c", 1000)}  # c passes the bound: it runs alone
    pool.close()  # a thread gives the memory back after it has delivered its result
    assert memory.num_bytes == 0


async def test_a_job_without_a_thread_fails_the_probe(monkeypatch):
    pool, free = CpuPool(1), threading.Event()
    first = asyncio.create_task(pool.run(Step.PREPARE, free.wait))
    await running(pool, 1)
    second = asyncio.create_task(pool.run(Step.PREPARE, lambda: None))
    await begun(pool, 2)
    monkeypatch.setattr(threading.Thread, "is_alive", lambda thread: False)
    assert pool.why_not_alive == "no thread decodes or encodes"
    monkeypatch.undo()
    free.set()
    await asyncio.gather(first, second)
    pool.close()


async def test_memory_of_a_failed_job_is_free_as_soon_as_its_caller_knows(pool):
    class Photo:
        pass

    seen = []

    def fail():
        photo = Photo()
        seen.append(weakref.ref(photo))
        raise ValueError("broken")

    gc.disable()
    try:
        with pytest.raises(ValueError, match="broken"):
            await pool.run(Step.PREPARE, fail)
        await until(lambda: seen[0]() is None)
    finally:
        gc.enable()


async def test_a_pool_that_shrinks_or_grows_runs_as_many_jobs_at_once(pool):
    stop, num_running = threading.Event(), 0
    lock, before = threading.Lock(), set(threading.enumerate())

    def num_alive() -> int:
        return sum(thread.name == "cpu" for thread in set(threading.enumerate()) - before)

    def work() -> None:
        nonlocal num_running
        with lock:
            num_running += 1
        stop.wait(30)
        with lock:
            num_running -= 1

    async def most_at_once() -> int:
        """Return how many of six jobs run before any of them ends."""
        stop.clear()
        jobs = [asyncio.create_task(pool.run(Step.PREPARE, work)) for _ in range(6)]
        await until(lambda: num_running >= pool.num_threads)
        await until(lambda: num_alive() == pool.num_threads)  # no other one can begin a job
        found = num_running
        stop.set()
        await asyncio.gather(*jobs)
        return found

    for num_threads in (3, 1, 4, 2):
        pool.resize(num_threads)
        assert await most_at_once() == num_threads


async def test_a_busy_pool_that_is_resized_again_and_again_loses_no_thread(pool):
    pool.resize(8)
    stop = threading.Event()
    jobs = [asyncio.create_task(pool.run(Step.PREPARE, partial(stop.wait, 30))) for _ in range(8)]
    await running(pool, 8)
    for num_threads in (1, 8, 1):  # each surplus is counted while no thread can end
        pool.resize(num_threads)
    stop.set()
    await asyncio.gather(*jobs)
    for _ in range(8):
        assert await asyncio.wait_for(pool.run(Step.PREPARE, lambda: "done"), 30) == "done"
    pool.resize(4)
    meet = threading.Barrier(4)
    together = [pool.run(Step.PREPARE, partial(meet.wait, 30)) for _ in range(4)]
    await asyncio.gather(*together)
