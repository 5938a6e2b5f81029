"""The jobs of one process: bounded in number and bytes, run a few at once, deleted on expiry."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import traceback
from collections import OrderedDict, defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from relight.errors import (
    BodyTooLarge,
    Draining,
    IdempotencyKeyReused,
    JobNotFound,
    RateLimited,
    ServerFull,
)
from service.jobs.job import Job, Result, State, Task
from service.jobs.metrics import JobMetrics
from service.jobs.webhooks import Webhooks
from service.traffic.deadline import until
from service.traffic.memory_budget import ByteBudget, Holding
from service.traffic.occupancy import Occupancy, Stay

_NUM_AT_ONCE: Final = 8  # as many photos as a GPU takes at once
_LAST_DELIVERIES_S: Final = 5.0  # for the webhooks that a process still delivers as it ends

_log = logging.getLogger("relight.jobs")


class JobQueue:
    """Take jobs, run them, and keep their results until their time is over.

    Callers take turns. Used by one event loop only.

    Args:
        max_bytes: the most that bodies and results may take together; 0: no job is taken.
        max_per_caller: the most jobs of one caller, those that have ended included, and those
            that are forgotten while their webhooks are being delivered.
        keep_s: how long a result is kept.
        webhooks: says that jobs have ended.
        metrics: counts them.
        is_draining: whether the process is about to end.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        max_per_caller: int,
        keep_s: float,
        webhooks: Webhooks,
        metrics: JobMetrics,
        is_draining: Callable[[], bool] = lambda: False,
    ) -> None:
        self._budget = ByteBudget(max_bytes)
        self._max_per_caller = max_per_caller
        self._keep_s = keep_s
        self._webhooks = webhooks
        self._metrics = metrics
        self._is_draining = is_draining
        self._jobs: dict[str, Job] = {}
        self._by_retry: dict[tuple[str, str], Job] = {}
        self._places: dict[Job, Stay] = {}
        self._callers: defaultdict[str, Occupancy] = defaultdict(lambda: Occupancy(time.monotonic))
        self._queues: OrderedDict[str, deque[Job]] = OrderedDict()
        self._any_waiting = asyncio.Event()
        self._running: dict[Job, asyncio.Task[Result]] = {}
        self._timers: dict[Job, asyncio.TimerHandle] = {}
        self._deliveries: dict[Job, asyncio.Task[None]] = {}
        metrics.watch(
            lambda: self._count("waiting"),
            lambda: self._count("running"),
            lambda: self._count("succeeded", "failed"),
            lambda: self._budget.num_bytes,
        )

    @property
    def enabled(self) -> bool:
        """Whether jobs are taken at all."""
        return self._budget.max_bytes > 0

    def submit(self, task: Task) -> Job:
        """Take a job, or return the one that the same request made before.

        Raises:
            IdempotencyKeyReused: its key belongs to another request.
            Draining: the process is about to end.
            RateLimited: the caller has as many jobs as it may have.
            BodyTooLarge, ServerFull: there is no memory for it at all, or not now.
        """
        known = self._known(task)
        if known is not None:
            return known
        if self._is_draining():
            raise Draining("this process is shutting down and takes no more jobs")
        occupancy = self._callers[task.caller]
        if len(occupancy) >= self._max_per_caller:
            raise RateLimited(
                f"this caller has {self._max_per_caller} jobs, which is its limit; "
                "delete those whose results you have",
                retry_after_s=occupancy.until_free_s(1),
            )
        if task.num_bytes > self._budget.max_bytes:
            raise BodyTooLarge(f"all jobs together may hold {self._budget.max_bytes} bytes")
        holding = self._budget.open()
        try:
            holding.grow_to(task.num_bytes)
        except ServerFull:
            holding.close()
            raise
        job = Job(
            id=secrets.token_hex(16),
            operation=task.operation,
            caller=task.caller,
            task=task,
            holding=holding,
            retry=task.retry,
            webhook_url=task.webhook_url,
        )
        self._jobs[job.id] = job
        self._places[job] = occupancy.begin(1)
        if task.retry is not None:
            self._by_retry[task.caller, task.retry.key] = job
        self._queues.setdefault(task.caller, deque()).append(job)
        self._any_waiting.set()
        return job

    def find(self, job_id: str, caller: str) -> Job:
        """Return a job of a caller.

        Raises:
            JobNotFound: there is none of this id, it is another caller's, or it is forgotten.
        """
        job = self._jobs.get(job_id)
        if job is None or job.caller != caller:
            raise JobNotFound(f"this process has no job {job_id[:64]!r} for this caller")
        return job

    def discard(self, job_id: str, caller: str) -> None:
        """Cancel a job and forget it, whatever its state.

        Raises:
            JobNotFound: as `find` does.
        """
        job = self.find(job_id, caller)
        if job.state in {"waiting", "running"}:
            self._metrics.ended.labels("cancelled").inc()
            if running := self._running.get(job):
                running.cancel()
            elif job.state == "waiting":
                self._leave_queue(job)
        self._forget(job)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run jobs inside the block; at its end, those that are not done fail."""
        workers = [asyncio.create_task(self._work()) for _ in range(_NUM_AT_ONCE)]
        try:
            yield
        finally:
            for worker in workers:
                worker.cancel()
            unfinished = list(self._running.values())
            for running in unfinished:
                running.cancel()
            await asyncio.gather(*workers, *unfinished, return_exceptions=True)
            for job in [job for job in self._jobs.values() if job.task is not None]:
                self._fail(job, Draining("the process ended before the job did: send it again"))
            for timer in self._timers.values():
                timer.cancel()
            if self._deliveries:
                await asyncio.wait(self._deliveries.values(), timeout=_LAST_DELIVERIES_S)
            for delivery in self._deliveries.values():
                delivery.cancel()
            await self._webhooks.close()

    def _known(self, task: Task) -> Job | None:
        if task.retry is None:
            return None
        known = self._by_retry.get((task.caller, task.retry.key))
        if known is not None and known.retry != task.retry:
            raise IdempotencyKeyReused("this Idempotency-Key was sent with another request")
        return known

    async def _work(self) -> None:
        while True:
            while not self._queues:
                self._any_waiting.clear()
                await self._any_waiting.wait()
            job = self._next()
            assert job.task is not None  # a job that is discarded leaves its queue
            if self._is_draining():
                self._fail(job, Draining("the process is shutting down: send the job again"))
                continue
            await self._run(job, job.task)
            del job  # it holds a photo or a result, and the next job may be long in coming

    def _next(self) -> Job:
        """Return the next job of the caller whose turn it is."""
        caller, queue = next(iter(self._queues.items()))
        job = queue.popleft()
        if queue:
            self._queues.move_to_end(caller)
        else:
            del self._queues[caller]
        return job

    def _leave_queue(self, job: Job) -> None:
        queue = self._queues[job.caller]
        queue.remove(job)
        if not queue:
            del self._queues[job.caller]

    async def _run(self, job: Job, task: Task) -> None:
        job.state = "running"
        self._running[job] = running = asyncio.create_task(_in_time(task, job.holding))
        try:
            await asyncio.wait({running})
        finally:
            del self._running[job]
        if job.task is None:  # discarded
            return
        try:
            result = running.result()
        except asyncio.CancelledError:  # raised by the work: nothing cancelled it from here
            self._fail(job, RuntimeError("the work of a job was cancelled from within"))
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # they hold the photo
            self._fail(job, error)
        else:
            self._succeed(job, result)

    def _succeed(self, job: Job, result: Result) -> None:
        job.holding.shrink_to(len(result.data))  # the body is not needed any more
        try:
            job.holding.grow_to(len(result.data))
        except ServerFull as error:
            self._fail(job, error)
            return
        job.state, job.result = "succeeded", result
        self._end(job)

    def _fail(self, job: Job, error: Exception) -> None:
        assert job.task is not None
        job.state, job.problem = "failed", job.task.problem_of(error)
        job.holding.shrink_to(0)
        self._end(job)

    def _end(self, job: Job) -> None:
        job.task = None
        job.ended_at = datetime.now(UTC)
        job.expires_at = job.ended_at + timedelta(seconds=self._keep_s)
        loop = asyncio.get_running_loop()
        self._timers[job] = loop.call_later(self._keep_s, self._forget, job)
        job.ended.set()
        self._metrics.ended.labels(job.state).inc()
        took_s = (job.ended_at - job.created_at).total_seconds()
        _log.info("job %s %s after %.3f s, for %s", job.id, job.state, took_s, job.caller)
        if job.webhook_url is not None:
            self._deliveries[job] = delivery = loop.create_task(self._webhooks.deliver(job))
            delivery.add_done_callback(lambda _: self._delivered(job))

    def _delivered(self, job: Job) -> None:
        del self._deliveries[job]
        if job.id not in self._jobs:  # it was forgotten meanwhile
            self._free_place(job)

    def _forget(self, job: Job) -> None:
        job.task = job.result = None
        job.holding.close()
        del self._jobs[job.id]
        if job.retry is not None:
            del self._by_retry[job.caller, job.retry.key]
        if job not in self._deliveries:  # the limit of jobs bounds the deliveries
            self._free_place(job)
        if timer := self._timers.pop(job, None):
            timer.cancel()
        job.ended.set()  # callers that wait for it are answered now

    def _free_place(self, job: Job) -> None:
        occupancy = self._callers[job.caller]
        occupancy.end(self._places.pop(job))
        if not len(occupancy):
            del self._callers[job.caller]

    def _count(self, *states: State) -> int:
        return sum(job.state in states for job in self._jobs.values())


async def _in_time(task: Task, holding: Holding) -> Result:
    async with until(task.deadline_s):
        return await task.work(lambda num_bytes: holding.grow_to(task.num_bytes + num_bytes))
