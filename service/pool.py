"""The CPU's share of the work: a bounded pool of threads, and how long its queue is.

Decoding, resizing and encoding release the GIL, so threads use every core.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

_SMOOTHING: Final = 0.1  # weight of the newest measurement


class CpuPool:
    """Run blocking work off the event loop.

    Args:
        num_threads: how many jobs run at once.
    """

    def __init__(self, num_threads: int) -> None:
        self._num_threads = num_threads
        self._executor = ThreadPoolExecutor(num_threads, thread_name_prefix="cpu")
        self._lock = threading.Lock()
        self._num_pending = 0
        self._mean_s = 0.0

    @property
    def wait_s(self) -> float:
        """Estimated wait of a job that would be submitted now, in seconds."""
        with self._lock:
            num_waiting = max(0, self._num_pending - self._num_threads + 1)
            return num_waiting * self._mean_s / self._num_threads

    async def run(self, work: Callable[[], T]) -> T:
        """Return the result of `work`; cancelling the call drops it if it has not begun."""
        with self._lock:
            self._num_pending += 1
        future = self._executor.submit(self._timed, work)
        future.add_done_callback(self._forget)
        return await asyncio.wrap_future(future)

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

    def _forget(self, future: Future[T]) -> None:
        with self._lock:
            self._num_pending -= 1
