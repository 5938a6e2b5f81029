"""Dynamic batching: many callers share one batch on the device.

A thread of the device blocks until a job waits (no polling), then takes the largest batch that
`service.batching.schedule` allows at once (no batching delay). It decides only when the device is
free, so that jobs that arrived during the last batch can still join the next. Meanwhile
`service.batching.look_ahead` stages the batch that would go next.

    submit ──> Schedule ──> device thread ──> run(staged) ──> one call_soon_threadsafe ──> futures
                   └──────> look-ahead thread ──> stage(items)

A device that runs several batches at once, as a CPU does, has a thread for each. They stage their
own batches, since they run on the cores that staging takes.

It is independent of images: the caller defines items, keys and results.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Generic

from relight.errors import DeadlineExceeded, Draining
from service.batching.batch_runner import BatchRunner
from service.batching.durations import Durations
from service.batching.job import (
    Batch,
    In,
    InferenceJob,
    JobOutcome,
    JobResult,
    Out,
    Staged,
    StagedBatch,
    thread_ended,
)
from service.batching.look_ahead import LookAhead
from service.batching.running_batches import RunningBatches
from service.batching.schedule import Schedule
from service.batching.sizes import BatchSizes
from service.batching.urgency import Priority


class Batcher(Generic[In, Staged, Out]):
    """Turn concurrent `submit` calls into batches: `stage` the items, then `run` them.

    Args:
        stage: blocking function that combines n items of one key; called by any thread, and
            also for batches that never run.
        run: blocking function from that input, and the number of calls that share the device, to
            n results in the same order; called only by the device's threads.
        durations: T(key, n); the caller seeds it, the batcher keeps it up to date.
        sizes: allowed batch sizes; sizes that exceed the memory are removed.
        max_wait_s: an item that would wait longer is refused.
        observe: called by a thread of the device after each call of `run`.
        max_concurrency: most calls of `run` at once. With more than one, each has one item, and
            n items are done after T(key, n) as if they were a batch.
    """

    def __init__(
        self,
        stage: Callable[[Sequence[In]], Staged],
        run: Callable[[Staged, int], Sequence[Out]],
        *,
        durations: Durations,
        sizes: BatchSizes,
        max_wait_s: float,
        observe: Callable[[Batch], None] = lambda batch: None,
        max_concurrency: int = 1,
    ) -> None:
        self._durations = durations
        self._sizes = sizes
        self._observe = observe
        self._runner = BatchRunner(stage, run, sizes=sizes, observe=self._learn)
        self._schedule: Schedule[InferenceJob[In, Out]] = Schedule(
            durations, sizes, max_wait_s=max_wait_s, max_concurrency=max_concurrency
        )
        self._lock = threading.Lock()
        self._work_came = threading.Condition(self._lock)  # the device's threads wait for it
        self._ran: list[Batch] = []  # not yet passed to the observer
        self._look_ahead: LookAhead[In, Staged, Out] | None = None
        if max_concurrency == 1:
            self._look_ahead = LookAhead(stage, self._upcoming, self._lock)
        self._closing = False
        self._running = RunningBatches(max_concurrency)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = [
            threading.Thread(target=self._work, name="device", daemon=True)
            for _ in range(max_concurrency)
        ]

    def start(self) -> None:
        """Start the threads; call it from the event loop that will submit."""
        self._loop = asyncio.get_running_loop()
        for thread in self._threads:
            thread.start()
        if self._look_ahead:
            self._look_ahead.start()

    @property
    def alive(self) -> bool:
        """Whether all threads of the device are running."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def poisoned(self) -> bool:
        """Whether only a new process can use the device again."""
        return self._runner.poisoned

    @property
    def stuck(self) -> bool:
        """Whether a batch runs far longer than any should."""
        with self._lock:
            return self._running.are_stuck(time.monotonic())

    @property
    def wait_s(self) -> float:
        """Estimated wait of an item submitted now, in seconds."""
        with self._lock:
            return self._running.rest_s(time.monotonic()) + self._schedule.wait_s()

    @property
    def oldest_age_s(self) -> float:
        """Waiting time of the oldest item in seconds; 0 if none waits."""
        with self._lock:
            oldest_s = self._schedule.oldest_arrival_s
        return 0.0 if oldest_s is None else time.monotonic() - oldest_s

    def waiting(self, key: Hashable, priority: Priority) -> int:
        """Return the number of waiting items of `key` and `priority`."""
        with self._lock:
            return self._schedule.waiting(key, priority)

    def check(
        self,
        deadline_s: float = math.inf,
        priority: Priority = Priority.INTERACTIVE,
        *,
        caller: Hashable = None,
        key: Hashable = None,
        num_coming: int = 0,
    ) -> None:
        """Refuse already now what `submit` would refuse.

        Takes what `submit` takes, as far as it is known, and refuses as it does; `num_coming`
        items have been let in already and have not been submitted yet.
        """
        with self._lock:
            self._refuse_when_closed()
            now_s = time.monotonic()
            self._schedule.check(
                now_s,
                busy_s=self._running.rest_s(now_s),
                deadline_s=deadline_s,
                priority=priority,
                caller=caller,
                key=key,
                num_coming=num_coming,
            )

    async def submit(
        self,
        item: In,
        *,
        key: Hashable,
        deadline_s: float = math.inf,
        priority: Priority = Priority.INTERACTIVE,
        caller: Hashable = None,
        arrived_s: float | None = None,
    ) -> JobResult[Out]:
        """Return the result of `item`; cancelling the call removes it from the queue.

        Args:
            item: the input.
            key: items of one key can share a batch.
            deadline_s: time on the monotonic clock when the result becomes worthless.
            priority: the item's class.
            caller: who submits it; callers get equal shares.
            arrived_s: since when the work that it follows from has been here; else now.

        Raises:
            Overloaded: the wait would be too long; raised at once.
            DeadlineExceeded: the deadline cannot be met.
            InferenceFailed: `run` failed on this item alone.
            Draining: `close` was called.
        """
        now_s = time.monotonic()
        future: asyncio.Future[JobResult[Out]] = asyncio.get_running_loop().create_future()
        since_s = now_s if arrived_s is None else arrived_s
        job = InferenceJob[In, Out](item, key, since_s, deadline_s, priority, caller, future)
        with self._lock:
            self._refuse_when_closed()
            self._schedule.admit(job, now_s, busy_s=self._running.rest_s(now_s))
            self._work_came.notify()
            if self._look_ahead:
                self._look_ahead.on_arrival(largest_batch=self._sizes.largest(key))
        return await future

    async def close(self) -> None:
        """Refuse new items, answer all admitted ones, stop the threads."""
        with self._lock:
            self._stop()
        if self._loop is not None:
            for thread in self._threads:
                await asyncio.to_thread(thread.join)
            if self._look_ahead:
                await asyncio.to_thread(self._look_ahead.join)

    def _stop(self) -> None:
        self._closing = True
        self._work_came.notify_all()
        if self._look_ahead:
            self._look_ahead.end()

    def _refuse_when_closed(self) -> None:
        if self._closing or not self.alive:
            raise Draining("this process takes no more work")

    def _work(self) -> None:
        try:
            while not self._runner.poisoned and (upcoming := self._next_batch()).jobs:
                self._serve(upcoming)
        finally:
            with self._lock:
                left = self._schedule.clear()
                self._stop()
            self._deliver([(job, thread_ended()) for job in left])

    def _next_batch(self) -> StagedBatch[In, Staged, Out]:
        """Wait for the next batch; an empty one means closed and drained."""
        while True:
            with self._lock:
                self._work_came.wait_for(lambda: self._closing or len(self._schedule))
                now_s = time.monotonic()
                decision = self._schedule.take(now_s, num_running=len(self._running))
                staged = self._look_ahead.take(decision.batch) if self._look_ahead else None
                if decision.batch:
                    size = len(decision.batch) * decision.concurrency
                    takes_s = self._durations.estimate_s(decision.batch[0].key, size)
                    self._running.begin(now_s, takes_s)
                    if self._look_ahead:
                        self._look_ahead.on_batch_start()
                drained = self._closing and not len(self._schedule)
            self._deliver(
                [
                    (job, DeadlineExceeded("the deadline passed in the queue"))
                    for job in decision.late
                ]
            )
            if decision.batch or drained:
                return StagedBatch(decision.batch, staged, decision.concurrency)

    def _serve(self, batch: StagedBatch[In, Staged, Out]) -> None:
        outcomes: list[tuple[InferenceJob[In, Out], JobOutcome[Out]]]
        outcomes = [(job, thread_ended()) for job in batch.jobs]
        try:
            outcomes = self._runner.serve(batch.jobs, batch.staged, batch.concurrency)
        finally:  # no caller may be left waiting, whatever happened
            with self._lock:
                self._running.end()
                ran, self._ran = self._ran, []
            self._deliver(outcomes)
            for each in ran:
                self._observe(each)

    def _upcoming(self) -> Sequence[InferenceJob[In, Out]] | None:
        """Return the batch that would follow the current one; None while the device is idle."""
        if not self._running:
            return None
        now_s = time.monotonic()
        return self._schedule.preview(now_s + self._running.rest_s(now_s))

    def _learn(self, batch: Batch) -> None:
        with self._lock:
            if batch.lacked_memory:
                self._sizes.forbid(batch.key, batch.size)
            if not batch.failed:
                size = batch.size * batch.concurrency
                self._durations.observe(batch.key, size, batch.duration_s)
            self._ran.append(batch)

    def _deliver(self, outcomes: Sequence[tuple[InferenceJob[In, Out], JobOutcome[Out]]]) -> None:
        """Wake all callers of a batch with one call into the event loop."""
        if not outcomes:
            return
        assert self._loop is not None

        def settle_all() -> None:
            for job, outcome in outcomes:
                job.settle(outcome)

        self._loop.call_soon_threadsafe(settle_all)
