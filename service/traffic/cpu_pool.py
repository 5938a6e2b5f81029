"""A bounded pool of threads for CPU work, with an estimate of its queue.

Decoding, resizing and encoding release the GIL, so threads use every core. Finishing goes
ahead of preparing: an answer that is nearly ready frees memory, a new photo takes it. The pool is
shared fairly among callers, so a caller who floods it only delays its own work.

A job may have a time budget. Threads cannot be killed, so a thread that exceeds it is abandoned
and replaced by another one.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from enum import IntEnum
from queue import Empty, PriorityQueue
from typing import Any, Final, TypeVar

from relight.errors import ServerFull
from service.moving_average import MovingAverage
from service.traffic.working_memory import WorkingMemory

_log = logging.getLogger(__name__)

T = TypeVar("T")

_WEIGHT: Final = 0.1  # of the newest duration
_STUCK_S: Final = 300.0  # no picture within the limits takes so long
_MAX_OVERRUNNING: Final = 8  # jobs past their budget that no longer occupy a place


class OverBudget(Exception):
    """A job exceeded its budget; its thread continues, as threads cannot be killed."""


class Step(IntEnum):
    """The kinds of work, the most urgent first."""

    SHRINK = -1  # before everything else: wakes a thread, which ends if there are too many
    FINISH = 0
    PREPARE = 1
    CONVERT = 2  # between a request's body and a photo's file: takes turns with preparing
    STOP = 3  # after everything else: the end of a thread

    @property
    def line(self) -> Step:
        """The step in whose order it waits."""
        return Step.PREPARE if self is Step.CONVERT else self


@dataclass(slots=True, order=True)
class _Job:
    line: Step
    turn: int  # of its caller
    number: int
    step: Step = field(compare=False)
    work: Callable[[], Any] = field(compare=False)
    num_bytes: int = field(default=0, compare=False)
    future: Future[Any] = field(default_factory=Future, compare=False)
    began_s: float | None = field(default=None, compare=False)
    thread: threading.Thread | None = field(default=None, compare=False)  # while it runs
    overran: bool = field(default=False, compare=False)


def _idle(step: Step, number: int) -> _Job:
    """Return a job that only ends a thread."""
    return _Job(step.line, 0, number, step, lambda: None)


class CpuPool:
    """Run blocking work off the event loop.

    Args:
        num_threads: number of jobs that run at once.
        memory: what they may take together while they run; None: as much as they like.
    """

    def __init__(self, num_threads: int, memory: WorkingMemory | None = None) -> None:
        self._num_threads = num_threads
        self._memory = memory
        self._queue: PriorityQueue[_Job] = PriorityQueue()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._pending: dict[int, _Job] = {}  # by number
        self._turn = 0  # of the job that began last
        self._last_turns: dict[Hashable, int] = {}
        self._num_overrunning = 0
        self._mean_s = {step: MovingAverage(_WEIGHT) for step in Step}
        self._threads: list[threading.Thread] = []

    @property
    def num_threads(self) -> int:
        """The number of jobs that run at once."""
        return self._num_threads

    def resize(self, num_threads: int) -> None:
        """Change the number of threads; one too many ends when its present job does."""
        with self._lock:
            self._num_threads = num_threads
            num_alive = sum(thread.is_alive() for thread in self._threads)
            for _ in range(num_alive - num_threads):
                self._queue.put(_idle(Step.SHRINK, next(self._numbers)))
            if 0 < num_alive < num_threads and self._pending:
                self._start_threads()

    def wait_s(self, caller: Hashable = None) -> float:
        """Return the estimated wait of a `PREPARE` that would be submitted now, in seconds."""
        with self._lock:
            turn = self._next_turn(caller)
            ahead = Counter(job.step for job in self._pending.values() if job.turn <= turn)
            num_ahead = ahead.total()
            if num_ahead < self._num_threads:
                return 0.0
            total_s = sum(n * (self._mean_s[step].value or 0.0) for step, n in ahead.items())
            # The progress of running jobs is unknown: count them once together.
            share = (num_ahead - self._num_threads + 1) / num_ahead
            return total_s * share / self._num_threads

    def mean_s(self, step: Step) -> float:
        """Return the mean duration of a kind of job, in seconds; 0 before the first one."""
        with self._lock:
            return self._mean_s[step].value or 0.0

    async def run(
        self,
        step: Step,
        work: Callable[[], T],
        *,
        caller: Hashable = None,
        budget_s: float = math.inf,
        num_bytes: int = 0,
    ) -> T:
        """Return the result of `work`; cancelling the call drops it if it has not begun.

        Args:
            step: the kind of work.
            work: the function to run.
            caller: who needs it; preparing is shared fairly among callers.
            budget_s: time budget; after it, the next job gets its place.
            num_bytes: memory that it takes while it runs; it begins once there is so much.

        Raises:
            OverBudget: it is still running after `budget_s`.
            ServerFull: there is no thread, and none can be started.
        """
        with self._lock:
            turn = self._take_turn(step, caller)
            job = _Job(step.line, turn, next(self._numbers), step, work, num_bytes)
            self._start_threads()
            self._pending[job.number] = job
        job.future.add_done_callback(lambda _: self._forget(job))
        self._queue.put(job)
        result: asyncio.Future[T] = asyncio.wrap_future(job.future)
        try:
            if budget_s < math.inf:
                await self._until_over(job, result, budget_s)
            return await result
        finally:
            result.cancel()

    @property
    def why_not_alive(self) -> str | None:
        """Why no job can be done any more; None while all is well."""
        with self._lock:
            running = [job for job in self._pending.values() if job.thread is not None]
            waiting = len(self._pending) - len(running)
            if waiting and not any(thread.is_alive() for thread in self._threads):
                return "no thread decodes or encodes"
            latest_s = max((job.began_s or 0.0 for job in running), default=math.inf)
            if len(running) >= self._num_threads and time.monotonic() - latest_s > _STUCK_S:
                return f"for {_STUCK_S:g} s no thread has finished decoding or encoding"
        return None

    async def _until_over(self, job: _Job, result: asyncio.Future[T], budget_s: float) -> None:
        """Wait for a job to end, within its budget, which begins when it begins."""
        while not result.done():
            ran_s = 0.0 if job.began_s is None else time.monotonic() - job.began_s
            if ran_s >= budget_s:
                self._replace(job)
                raise OverBudget
            await asyncio.wait([result], timeout=budget_s - ran_s)

    def close(self) -> None:
        """Finish running jobs, drop waiting ones, end the threads."""
        try:
            while True:
                self._queue.get_nowait().future.cancel()
        except Empty:
            pass
        with self._lock:  # one that is surplus may be removing itself
            threads = list(self._threads)
        for _ in threads:
            self._queue.put(_idle(Step.STOP, next(self._numbers)))
        for thread in threads:
            thread.join()

    def _next_turn(self, caller: Hashable) -> int:
        """Return the turn of a caller's next job: after its last, and after what runs."""
        return max(self._turn, self._last_turns.get(caller, 0)) + 1

    def _take_turn(self, step: Step, caller: Hashable) -> int:
        if step is Step.FINISH:
            return 0  # the device's queue has put them in order
        turn = self._last_turns[caller] = self._next_turn(caller)
        return turn

    def _start_threads(self) -> None:
        """Replace what is missing: threads that ended, and those that could not be started.

        Raises:
            ServerFull: there is none.
        """
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        while len(self._threads) < self._num_threads:
            thread = threading.Thread(target=self._work, name="cpu", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the system has no more threads: try at the next job
                _log.error("a thread of the pool does not start: %s", error)
                break
            self._threads.append(thread)
        if not self._threads:
            raise ServerFull("no thread can be started for the photo")

    def _work(self) -> None:
        while (job := self._queue.get()).step is not Step.STOP:
            if job.step is Step.SHRINK:
                if self._ends_surplus():
                    return
                continue
            self._do(job)
            with self._lock:
                job.thread = None
                if job.overran:  # another thread has this one's place
                    self._num_overrunning -= 1
                    return
            del job  # it references a photo, which must not outlive its request

    def _ends_surplus(self) -> bool:
        """Whether this thread must end because there are too many; if so, remove it."""
        with self._lock:  # the number may have changed since the wake-up was queued
            if len(self._threads) <= self._num_threads:
                return False
            self._threads.remove(threading.current_thread())
            return True

    def _do(self, job: _Job) -> None:
        with nullcontext() if self._memory is None else self._memory.taken(job.num_bytes):
            self._do_now(job)

    def _do_now(self, job: _Job) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        with self._lock:
            job.thread = threading.current_thread()
            self._turn = max(self._turn, job.turn)
        job.began_s = started_s = time.monotonic()
        try:
            result = job.work()
        except BaseException as error:
            # The frames hold the photo, and this one the job, which holds the error: a cycle.
            traceback.clear_frames(error.__traceback__)
            job.future.set_exception(error)
            del job
        else:
            self._learn(job.step, time.monotonic() - started_s)
            job.future.set_result(result)

    def _learn(self, step: Step, took_s: float) -> None:
        with self._lock:
            self._mean_s[step].observe(took_s)

    def _replace(self, job: _Job) -> None:
        """Give the place of a job that overruns to another thread, unless too many do."""
        with self._lock:
            if job.thread is None or self._num_overrunning == _MAX_OVERRUNNING:
                return
            job.overran = True
            self._num_overrunning += 1
            self._pending.pop(job.number, None)
            self._threads.remove(job.thread)
            with suppress(ServerFull):
                self._start_threads()

    def _forget(self, job: _Job) -> None:
        with self._lock:
            self._pending.pop(job.number, None)
