"""The jobs of one process, without HTTP."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from relight.errors import Draining, ImageCorrupt, Overloaded, RateLimited, ServerFull
from service.jobs.busy_retry import retry_while_busy
from service.jobs.destinations import Destinations
from service.jobs.job import Job, Result, Task
from service.jobs.job_queue import JobQueue
from service.jobs.metrics import JobMetrics
from service.jobs.webhooks import Webhooks


def job_queue(**changes) -> JobQueue:
    metrics = JobMetrics(CollectorRegistry())
    knobs = {"max_bytes": 1000, "max_per_caller": 100, "keep_s": 60.0}
    knobs["webhooks"] = Webhooks(Destinations((), ()), {}, metrics)
    return JobQueue(metrics=metrics, **(knobs | changes))


def task(work: Callable[[], object], *, caller: str = "ann", num_bytes: int = 1) -> Task:
    async def run(grow: Callable[[int], None]) -> Result:
        made = work()
        made = await made if asyncio.iscoroutine(made) else made
        return Result(bytes(made or b""), "text/plain", {})

    return Task(
        operation="/relight",
        caller=caller,
        num_bytes=num_bytes,
        deadline_s=time.monotonic() + 60,
        work=run,
        describe=lambda error: {"code": getattr(error, "code", "internal"), "status": 500},
    )


async def test_callers_take_turns():
    order: list[str] = []
    free = asyncio.Event()
    jobs = job_queue()
    for n in range(30):
        jobs.submit(task(lambda n=n: order.append(f"crowd {n}") or free.wait(), caller="crowd"))
    for n in range(3):
        jobs.submit(task(lambda n=n: order.append(f"one {n}") or free.wait(), caller="one"))
    last = jobs.submit(task(lambda: None, caller="crowd"))
    async with jobs.running():
        free.set()
        await last.ended.wait()
    assert max(order.index(f"one {n}") for n in range(3)) < 8
    assert [name for name in order if name.startswith("crowd")] == [f"crowd {n}" for n in range(30)]


async def test_unfinished_jobs_fail_as_draining_when_the_process_ends():
    jobs = job_queue()
    begun = asyncio.Event()
    taken = [jobs.submit(task(lambda: begun.set() or asyncio.Event().wait())) for _ in range(20)]
    async with jobs.running():
        await begun.wait()
    assert {job.problem["code"] for job in taken} == {Draining.code}


async def test_a_process_that_drains_takes_no_job_and_begins_none():
    draining = [False]
    jobs = job_queue(is_draining=lambda: draining[0])
    free, begun = asyncio.Event(), asyncio.Barrier(9)  # eight jobs, and this test

    async def meet() -> None:
        await begun.wait()
        await free.wait()

    taken = [jobs.submit(task(meet)) for _ in range(12)]
    async with jobs.running():
        await begun.wait()
        draining[0] = True
        with pytest.raises(Draining):
            jobs.submit(task(lambda: None))
        free.set()
        await asyncio.gather(*(job.ended.wait() for job in taken))
    assert [job.state for job in taken] == ["succeeded"] * 8 + ["failed"] * 4


async def test_a_result_that_finds_no_memory_fails_and_frees_its_body():
    jobs = job_queue(max_bytes=100)
    async with jobs.running():
        large = jobs.submit(task(lambda: b"x" * 101, num_bytes=60))
        await large.ended.wait()
        assert (large.state, large.problem["code"]) == ("failed", ServerFull.code)
        small = jobs.submit(task(lambda: b"x" * 100, num_bytes=100))
        await small.ended.wait()
        assert small.state == "succeeded"
        with pytest.raises(ServerFull):
            jobs.submit(task(lambda: None, num_bytes=1))
        jobs.discard(small.id, "ann")
        jobs.submit(task(lambda: None, num_bytes=1))


async def test_an_error_is_described_and_holds_up_no_other_job():
    def fail():
        raise ImageCorrupt("broken")

    jobs = job_queue()
    async with jobs.running():
        broken = [jobs.submit(task(fail)) for _ in range(20)]
        good = jobs.submit(task(lambda: b"ok"))
        await good.ended.wait()
        assert {job.problem["code"] for job in broken} == {"image_corrupt"}
        assert good.result.data == b"ok"


async def test_a_discarded_job_leaves_nothing_behind_while_all_workers_are_busy():
    jobs, begun = job_queue(max_per_caller=9), asyncio.Barrier(9)  # eight jobs, and this test
    free = asyncio.Event()

    async def meet() -> None:
        await begun.wait()
        await free.wait()

    async with jobs.running():
        busy = [jobs.submit(task(meet)) for _ in range(8)]
        await begun.wait()
        gc.collect()
        num_before = num_jobs_in_memory()
        for _ in range(50):
            jobs.discard(jobs.submit(task(lambda: None)).id, "ann")
        gc.collect()
        assert num_jobs_in_memory() == num_before
        last = jobs.submit(task(lambda: b"ok"))
        free.set()
        async with asyncio.timeout(30):
            await asyncio.gather(*(job.ended.wait() for job in [*busy, last]))
    assert last.result.data == b"ok"


def num_jobs_in_memory() -> int:
    return sum(isinstance(thing, Job) for thing in gc.get_objects())


async def test_a_job_keeps_its_place_until_its_webhook_is_delivered():
    free, begun = asyncio.Event(), asyncio.Event()

    class Slow(Webhooks):
        async def deliver(self, job: Job) -> None:
            begun.set()
            await free.wait()

    metrics = JobMetrics(CollectorRegistry())
    jobs = job_queue(webhooks=Slow(Destinations((), ()), {}, metrics), max_per_caller=1)
    async with jobs.running():
        first = jobs.submit(replace(task(lambda: None), webhook_url="https://example.org/"))
        await begun.wait()
        jobs.discard(first.id, "ann")
        with pytest.raises(RateLimited):
            jobs.submit(task(lambda: None))
        free.set()
        async with asyncio.timeout(30):
            while True:
                try:
                    await jobs.submit(task(lambda: None)).ended.wait()
                    break
                except RateLimited:
                    await asyncio.sleep(0)


async def test_work_that_cancels_itself_fails_its_job():
    def cancel():
        raise asyncio.CancelledError

    jobs = job_queue()
    async with jobs.running(), asyncio.timeout(30):
        job = jobs.submit(task(cancel))
        await job.ended.wait()
        assert (job.state, job.problem["code"]) == ("failed", "internal")


async def test_an_error_that_cannot_be_described_holds_up_no_other_job():
    def fail(*_):
        raise ImageCorrupt("broken")

    jobs = job_queue()
    async with jobs.running(), asyncio.timeout(30):
        broken = [jobs.submit(replace(task(fail), describe=fail)) for _ in range(20)]
        good = jobs.submit(task(lambda: b"ok"))
        await good.ended.wait()
        assert {job.problem["code"] for job in broken} == {"internal"}
        assert good.result.data == b"ok"


async def test_retries_end_before_the_deadline():
    tries: list[float] = []

    async def call() -> str:
        tries.append(time.monotonic())
        if len(tries) < 4:
            raise Overloaded("busy", retry_after_s=0.0)
        return "done"

    assert await retry_while_busy(call, time.monotonic() + 60) == "done"
    assert len(tries) == 4

    async def refuse() -> str:
        raise Overloaded("busy", retry_after_s=100.0)

    with pytest.raises(Overloaded):
        await retry_while_busy(refuse, time.monotonic() + 60)
