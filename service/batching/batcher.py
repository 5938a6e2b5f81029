"""Dynamic batching: n callers, one call of the device.

One thread per device blocks until something waits (no polling), then takes at once the
largest batch that `service.batching.schedule` allows (no batching delay) and decides only when the
device is free, so that whatever arrived during the last batch can still join the next.

    submit ──> Schedule ──> device thread ──> run(items) ──> one call_soon_threadsafe ──> futures

It knows no images: items, keys and results are the caller's.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Final, Generic

from service.batching.durations import Durations
from service.batching.job import Answer, Batch, In, Job, Out, inference_failed
from service.batching.schedule import Priority, Schedule
from service.errors import (
    DeadlineExceeded,
    DevicePoisoned,
    Draining,
    InferenceFailed,
    RelightError,
)

_STUCK_S: Final = 30.0
_STUCK_FACTOR: Final = 20.0

_log = logging.getLogger(__name__)


class Batcher(Generic[In, Out]):
    """Turn concurrent `submit` calls into calls of `run` on lists of items.

    Args:
        run: blocking function from n items of one key to n results in the same order;
            called only by the device thread.
        durations: T(key, n); seeded by the caller, kept up to date here.
        batch_sizes: the sizes that `run` may be given; 1 must be among them.
        max_wait_s: admission refuses an item that would wait longer.
        observe: called by the device thread after each call of `run`.
    """

    def __init__(
        self,
        run: Callable[[Sequence[In]], Sequence[Out]],
        *,
        durations: Durations,
        batch_sizes: Sequence[int],
        max_wait_s: float,
        observe: Callable[[Batch], None] = lambda batch: None,
    ) -> None:
        self._run = run
        self._durations = durations
        self._observe = observe
        self._schedule: Schedule[Job[In, Out]] = Schedule(
            durations, batch_sizes=batch_sizes, max_wait_s=max_wait_s
        )
        self._condition = threading.Condition()
        self._closing = False
        self._poisoned = False
        self._busy_since_s = math.nan  # while a batch runs
        self._busy_until_s = -math.inf  # by estimate
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._work, name="device", daemon=True)

    def start(self) -> None:
        """Start the device thread; call it from the event loop that will submit."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the device thread runs."""
        return self._thread.is_alive()

    @property
    def poisoned(self) -> bool:
        """Whether the device can only be used again by a new process."""
        return self._poisoned

    @property
    def stuck(self) -> bool:
        """Whether the present batch runs far longer than any batch should."""
        with self._condition:
            expected_s = self._busy_until_s - self._busy_since_s
            running_s = time.monotonic() - self._busy_since_s
        return running_s > max(_STUCK_S, _STUCK_FACTOR * expected_s)  # false while idle: NaN

    @property
    def wait_s(self) -> float:
        """Estimated wait of an item that would be submitted now, in seconds."""
        with self._condition:
            return self._rest_s(time.monotonic()) + self._schedule.wait_s()

    @property
    def oldest_age_s(self) -> float:
        """For how long the item that waits longest has waited; 0 when nothing waits."""
        with self._condition:
            oldest_s = self._schedule.oldest_arrival_s
        return 0.0 if oldest_s is None else time.monotonic() - oldest_s

    def waiting(self, key: Hashable, priority: Priority) -> int:
        """Return how many items of `key` and `priority` wait."""
        with self._condition:
            return self._schedule.waiting(key, priority)

    def check(
        self,
        deadline_s: float = math.inf,
        priority: Priority = Priority.INTERACTIVE,
        *,
        num_coming: int = 0,
    ) -> None:
        """Refuse already now what `submit` would refuse whatever its key.

        Args:
            deadline_s: time on the monotonic clock when the result becomes worthless.
            priority: the item's class.
            num_coming: items let in already that have not been submitted yet.

        Raises:
            DeadlineExceeded, Overloaded, Draining: as `submit` does.
        """
        with self._condition:
            self._refuse_when_closed()
            now_s = time.monotonic()
            self._schedule.check(
                now_s,
                busy_s=self._rest_s(now_s),
                deadline_s=deadline_s,
                priority=priority,
                num_coming=num_coming,
            )

    async def submit(
        self,
        item: In,
        *,
        key: Hashable,
        deadline_s: float = math.inf,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Answer[Out]:
        """Return the result of `item`; cancelling the call takes it out of the queue.

        Args:
            item: what `run` shall be given.
            key: items of one key can share a batch.
            deadline_s: time on the monotonic clock when the result becomes worthless.
            priority: the item's class.

        Raises:
            Overloaded: at once, when the wait would be too long.
            DeadlineExceeded: when the deadline cannot be kept.
            InferenceFailed: when `run` failed on this item alone.
            Draining: after `close`.
        """
        now_s = time.monotonic()
        future: asyncio.Future[Answer[Out]] = asyncio.get_running_loop().create_future()
        job = Job[In, Out](item, key, now_s, deadline_s, priority, future)
        with self._condition:
            self._refuse_when_closed()
            self._schedule.admit(job, now_s, busy_s=self._rest_s(now_s))
            self._condition.notify()
        return await future

    async def close(self) -> None:
        """Admit nothing more, answer everything admitted, stop the thread."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        if self._loop is not None:
            await asyncio.to_thread(self._thread.join)

    def _refuse_when_closed(self) -> None:
        if self._closing or not self._thread.is_alive():
            raise Draining("this process takes no more work")

    def _rest_s(self, now_s: float) -> float:
        return max(0.0, self._busy_until_s - now_s)

    def _work(self) -> None:
        try:
            while not self._poisoned and (batch := self._next_batch()):
                self._serve(batch)
        finally:
            with self._condition:
                self._closing = True
                left = self._schedule.clear()
            self._deliver([(job, _thread_ended()) for job in left])

    def _next_batch(self) -> Sequence[Job[In, Out]]:
        """Block until there is a batch; an empty one means closed and drained."""
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closing or len(self._schedule))
                now_s = time.monotonic()
                turn = self._schedule.take(now_s)
                if turn.batch:
                    self._busy_since_s = now_s
                    self._busy_until_s = now_s + self._durations.estimate_s(
                        turn.batch[0].key, len(turn.batch)
                    )
                drained = self._closing and not len(self._schedule)
            self._deliver(
                [(job, DeadlineExceeded("the deadline passed in the queue")) for job in turn.late]
            )
            if turn.batch or drained:
                return turn.batch

    def _serve(self, jobs: Sequence[Job[In, Out]]) -> None:
        outcomes: Sequence[Answer[Out] | RelightError] = [_thread_ended() for _ in jobs]
        try:
            outcomes = self._outcomes(jobs)
        finally:  # whatever happened, nobody may wait for it in vain
            with self._condition:
                self._busy_since_s = math.nan
                self._busy_until_s = -math.inf
            self._deliver(list(zip(jobs, outcomes, strict=True)))

    def _outcomes(self, jobs: Sequence[Job[In, Out]]) -> Sequence[Answer[Out] | RelightError]:
        try:
            return self._attempt(jobs)
        except DevicePoisoned:
            return [DevicePoisoned("the device broke down") for _ in jobs]
        except Exception as error:
            _log.exception("a batch of %d failed", len(jobs))
            if len(jobs) > 1:  # one item may have poisoned the others: each once more, alone
                return [self._attempt_alone(job) for job in jobs]
            return [inference_failed(error)]

    def _attempt_alone(self, job: Job[In, Out]) -> Answer[Out] | RelightError:
        if job.abandoned:
            return InferenceFailed("nobody waits for this item")
        if self._poisoned:
            return _thread_ended()
        if time.monotonic() > job.deadline_s:
            return DeadlineExceeded("the deadline passed while its batch failed")
        try:
            return self._attempt([job])[0]
        except Exception as error:
            _log.exception("an item failed alone")
            return inference_failed(error)

    def _attempt(self, jobs: Sequence[Job[In, Out]]) -> Sequence[Answer[Out]]:
        key, size = jobs[0].key, len(jobs)
        started_s = time.monotonic()
        failed = True
        try:
            values = self._run([job.item for job in jobs])
            failed = len(values) != size
        except DevicePoisoned:
            _log.critical("the device is poisoned: only a new process can use it again")
            self._poisoned = True
            raise
        finally:
            ran_s = time.monotonic() - started_s
            self._observe(Batch(key, size, ran_s, failed))
        answers = [
            Answer(value, started_s - job.arrived_s, ran_s, size)
            for job, value in zip(jobs, values, strict=True)
        ]
        with self._condition:
            self._durations.observe(key, size, ran_s)
        return answers

    def _deliver(self, outcomes: Sequence[tuple[Job[In, Out], Answer[Out] | RelightError]]) -> None:
        """Wake all callers of a batch with one call into the event loop."""
        if not outcomes:
            return
        assert self._loop is not None

        def settle_all() -> None:
            for job, outcome in outcomes:
                job.settle(outcome)

        self._loop.call_soon_threadsafe(settle_all)


def _thread_ended() -> InferenceFailed:
    return InferenceFailed("the device thread ended")
