"""Dynamic batching: many callers share one batch on the device.

One thread per device blocks until a job waits (no polling), then takes the largest batch that
`service.batching.schedule` allows at once (no batching delay). It decides only when the device is
free, so that jobs that arrived during the last batch can still join the next. Meanwhile
`service.batching.look_ahead` stages the batch that would go next.

    submit ──> Schedule ──> device thread ──> run(staged) ──> one call_soon_threadsafe ──> futures
                   └──────> look-ahead thread ──> stage(items)

It is independent of images: the caller defines items, keys and results.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Final, Generic

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
from service.batching.schedule import Schedule
from service.batching.sizes import BatchSizes
from service.batching.urgency import Priority

_STUCK_S: Final = 30.0
_STUCK_FACTOR: Final = 20.0


class Batcher(Generic[In, Staged, Out]):
    """Turn concurrent `submit` calls into batches: `stage` the items, then `run` them.

    Args:
        stage: blocking function that combines n items of one key; called by any thread, and
            also for batches that never run.
        run: blocking function from that input to n results in the same order; called only by the
            device thread.
        durations: T(key, n); the caller seeds it, the batcher keeps it up to date.
        sizes: allowed batch sizes; sizes that exceed the memory are removed.
        max_wait_s: an item that would wait longer is refused.
        observe: called by the device thread after each call of `run`.
    """

    def __init__(
        self,
        stage: Callable[[Sequence[In]], Staged],
        run: Callable[[Staged], Sequence[Out]],
        *,
        durations: Durations,
        sizes: BatchSizes,
        max_wait_s: float,
        observe: Callable[[Batch], None] = lambda batch: None,
    ) -> None:
        self._durations = durations
        self._sizes = sizes
        self._observe = observe
        self._runner = BatchRunner(stage, run, sizes=sizes, observe=self._learn)
        self._schedule: Schedule[InferenceJob[In, Out]] = Schedule(
            durations, sizes, max_wait_s=max_wait_s
        )
        self._lock = threading.Lock()
        self._work_came = threading.Condition(self._lock)  # the device thread waits for it
        self._ran: list[Batch] = []  # by the device thread; not yet passed to the observer
        self._look_ahead = LookAhead(stage, self._upcoming, self._lock)
        self._closing = False
        self._busy_since_s = math.nan  # while a batch runs
        self._busy_until_s = -math.inf  # by estimate
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._work, name="device", daemon=True)

    def start(self) -> None:
        """Start the threads; call it from the event loop that will submit."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._look_ahead.start()

    @property
    def alive(self) -> bool:
        """Whether the device thread is running."""
        return self._thread.is_alive()

    @property
    def poisoned(self) -> bool:
        """Whether only a new process can use the device again."""
        return self._runner.poisoned

    @property
    def stuck(self) -> bool:
        """Whether the current batch runs far longer than any should."""
        with self._lock:
            since_s, until_s = self._busy_since_s, self._busy_until_s
        limit_s = max(_STUCK_S, _STUCK_FACTOR * (until_s - since_s))
        return time.monotonic() - since_s > limit_s  # false while idle: NaN

    @property
    def wait_s(self) -> float:
        """Estimated wait of an item submitted now, in seconds."""
        with self._lock:
            return self._rest_s(time.monotonic()) + self._schedule.wait_s()

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
                busy_s=self._rest_s(now_s),
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
            self._schedule.admit(job, now_s, busy_s=self._rest_s(now_s))
            self._work_came.notify()
            self._look_ahead.on_arrival(largest_batch=self._sizes.largest(key))
        return await future

    async def close(self) -> None:
        """Refuse new items, answer all admitted ones, stop the threads."""
        with self._lock:
            self._closing = True
            self._work_came.notify()
            self._look_ahead.end()
        if self._loop is not None:
            await asyncio.to_thread(self._thread.join)
            await asyncio.to_thread(self._look_ahead.join)

    def _refuse_when_closed(self) -> None:
        if self._closing or not self._thread.is_alive():
            raise Draining("this process takes no more work")

    def _rest_s(self, now_s: float) -> float:
        return max(0.0, self._busy_until_s - now_s)

    def _work(self) -> None:
        try:
            while not self._runner.poisoned and (upcoming := self._next_batch()).jobs:
                self._serve(upcoming)
        finally:
            with self._lock:
                self._closing = True
                left = self._schedule.clear()
                self._look_ahead.end()
            self._deliver([(job, thread_ended()) for job in left])

    def _next_batch(self) -> StagedBatch[In, Staged, Out]:
        """Wait for the next batch; an empty one means closed and drained."""
        while True:
            with self._lock:
                self._work_came.wait_for(lambda: self._closing or len(self._schedule))
                now_s = time.monotonic()
                decision = self._schedule.take(now_s)
                staged = self._look_ahead.take(decision.batch)
                if decision.batch:
                    self._busy_since_s = now_s
                    self._busy_until_s = now_s + self._durations.estimate_s(
                        decision.batch[0].key, len(decision.batch)
                    )
                    self._look_ahead.on_batch_start()
                drained = self._closing and not len(self._schedule)
            self._deliver(
                [
                    (job, DeadlineExceeded("the deadline passed in the queue"))
                    for job in decision.late
                ]
            )
            if decision.batch or drained:
                return StagedBatch(decision.batch, staged)

    def _serve(self, batch: StagedBatch[In, Staged, Out]) -> None:
        outcomes: list[tuple[InferenceJob[In, Out], JobOutcome[Out]]]
        outcomes = [(job, thread_ended()) for job in batch.jobs]
        try:
            outcomes = self._runner.serve(batch.jobs, batch.staged)
        finally:  # no caller may be left waiting, whatever happened
            with self._lock:
                self._busy_since_s = math.nan
                self._busy_until_s = -math.inf
            self._deliver(outcomes)
            for ran in self._ran:
                self._observe(ran)
            self._ran.clear()

    def _upcoming(self) -> Sequence[InferenceJob[In, Out]] | None:
        """Return the batch that would follow the current one; None while the device is idle."""
        if math.isnan(self._busy_since_s):
            return None
        return self._schedule.preview(max(time.monotonic(), self._busy_until_s))

    def _learn(self, batch: Batch) -> None:
        with self._lock:
            if batch.lacked_memory:
                self._sizes.forbid(batch.key, batch.size)
            if not batch.failed:
                self._durations.observe(batch.key, batch.size, batch.duration_s)
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
