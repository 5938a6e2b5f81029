"""The CPU's share of the work: a bounded pool of threads, and how long its queue is.

Decoding, resizing and encoding release the GIL, so threads use every core.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final, TypeVar

T = TypeVar("T")

_SMOOTHING: Final = 0.1  # weight of the newest measurement
_MAX_OVERRUNNING: Final = 8  # jobs past their budget that others need not wait for


class OverBudget(Exception):
    """A job took longer than it may; its thread goes on, as threads cannot be ended."""


class CpuPool:
    """Run blocking work off the event loop.

    Args:
        num_threads: how many jobs run at once.
    """

    def __init__(self, num_threads: int) -> None:
        self._num_threads = num_threads
        self._executor = ThreadPoolExecutor(
            num_threads + _MAX_OVERRUNNING, thread_name_prefix="cpu"
        )
        self._free = asyncio.Semaphore(num_threads)
        self._lock = threading.Lock()
        self._num_pending = 0
        self._mean_s = 0.0

    @property
    def wait_s(self) -> float:
        """Estimated wait of a job that would be submitted now, in seconds."""
        with self._lock:
            num_waiting = max(0, self._num_pending - self._num_threads + 1)
            return num_waiting * self._mean_s / self._num_threads

    async def run(self, work: Callable[[], T], *, budget_s: float | None = None) -> T:
        """Return the result of `work`; cancelling the call drops it if it has not begun.

        Args:
            work: what to run.
            budget_s: how long it may run. Past that its place is given to the next job.

        Raises:
            OverBudget: it is still running after `budget_s`.
        """
        loop = asyncio.get_running_loop()
        place = ExitStack()  # to be closed once: at the end of the job, or of its budget
        with self._lock:
            self._num_pending += 1
        place.callback(self._forget)
        try:
            await self._free.acquire()
            place.callback(self._free.release)
            future = self._executor.submit(self._timed, work)
        except BaseException:
            place.close()
            raise
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(place.close))
        try:
            async with asyncio.timeout(budget_s) as limit:
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if not limit.expired():
                raise
            place.close()
            raise OverBudget from None

    def close(self) -> None:
        """Finish what runs, drop what waits, end the threads."""
        self._executor.shutdown(cancel_futures=True)

    def _timed(self, work: Callable[[], T]) -> T:
        started_s = time.monotonic()
        try:
            return work()
        finally:
            with self._lock:
                took_s = time.monotonic() - started_s
                self._mean_s += _SMOOTHING * (took_s - self._mean_s) if self._mean_s else took_s

    def _forget(self) -> None:
        with self._lock:
            self._num_pending -= 1
