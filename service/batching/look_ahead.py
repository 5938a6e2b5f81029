"""Stages the next batch while the device runs the current one.

A thread stages the batch that would go next, and stages again whenever that changes. Under load
its guess is nearly always right, and the device need not wait for staging.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic

from service.batching.job import In, InferenceJob, Out, Staged, StagedBatch


class LookAhead(Generic[In, Staged, Out]):
    """Guess the next batch and stage its items, in a thread of its own.

    Call `on_arrival`, `on_batch_start`, `take` and `end` with the lock held.

    Args:
        stage: blocking function that combines n items.
        upcoming: returns the jobs that would go next, or None while the device is idle; called
            with the lock held.
        lock: guards the waiting jobs.
    """

    def __init__(
        self,
        stage: Callable[[Sequence[In]], Staged],
        upcoming: Callable[[], Sequence[InferenceJob[In, Out]] | None],
        lock: threading.Lock,
    ) -> None:
        self._stage = stage
        self._upcoming = upcoming
        self._lock = lock
        self._guess_due = threading.Condition(lock)
        self._guess: StagedBatch[In, Staged, Out] | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="look-ahead", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def on_arrival(self, *, largest_batch: int) -> None:
        """Guess anew after a job has arrived, unless the staged batch is full."""
        if self._guess is None or len(self._guess.jobs) < largest_batch:
            self._guess_due.notify()

    def on_batch_start(self) -> None:
        """Guess anew after the device has started a batch."""
        self._guess_due.notify()

    def take(self, jobs: Sequence[InferenceJob[In, Out]]) -> Staged | None:
        """Forget the guess; return its staged input if it was right, else None."""
        guess, self._guess = self._guess, None
        return guess.staged if guess is not None and guess.jobs == jobs else None

    def end(self) -> None:
        """Let the thread end."""
        self._ended = True
        self._guess_due.notify()

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    def _work(self) -> None:
        while jobs := self._next_guess():
            staged = None
            with suppress(Exception):  # the device thread will hit it again and report it
                staged = self._stage([job.item for job in jobs])
            with self._lock:
                self._guess = StagedBatch(jobs, staged)

    def _next_guess(self) -> Sequence[InferenceJob[In, Out]]:
        """Wait until the next batch differs from the staged one; an empty one means ended."""
        jobs: Sequence[InferenceJob[In, Out]] = ()

        def is_due() -> bool:
            nonlocal jobs
            if self._ended:
                return True
            upcoming = self._upcoming()
            if upcoming is None:
                return False
            jobs = upcoming
            if self._guess and self._guess.jobs != jobs:
                self._guess = None
            return bool(jobs) and not self._guess

        with self._lock:
            self._guess_due.wait_for(is_due)
            return () if self._ended else jobs
