"""Runs batches on the device and handles failed ones.

all at once ──> answers
├─ no memory    in smaller batches; that size is never tried again
├─ poisoned     all fail: only a new process can use the device
└─ else         each alone, once: one item may have broken the batch
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Generic

from relight.errors import DeadlineExceeded, DevicePoisoned, InferenceFailed, OutOfMemory
from service.batching.job import (
    Batch,
    In,
    InferenceJob,
    JobOutcome,
    JobResult,
    Out,
    Staged,
    inference_failed,
    thread_ended,
)
from service.batching.sizes import BatchSizes

_log = logging.getLogger(__name__)


class BatchRunner(Generic[In, Staged, Out]):
    """Run jobs on the device until each has an outcome; for the device's threads only.

    Args:
        stage: turns n items into the input of `run`.
        run: returns n results in the same order; also takes how many calls share the device.
        sizes: how many items `run` may be given.
        observe: is called after each batch, before a failure is handled.

    Attributes:
        poisoned: whether the device can only be used again by a new process.
    """

    def __init__(
        self,
        stage: Callable[[Sequence[In]], Staged],
        run: Callable[[Staged, int], Sequence[Out]],
        *,
        sizes: BatchSizes,
        observe: Callable[[Batch], None],
    ) -> None:
        self._stage = stage
        self._run = run
        self._sizes = sizes
        self._observe = observe
        self.poisoned = False

    def serve(
        self,
        jobs: Sequence[InferenceJob[In, Out]],
        staged: Staged | None = None,
        concurrency: int = 1,
    ) -> list[tuple[InferenceJob[In, Out], JobOutcome[Out]]]:
        """Return each job with its outcome.

        Args:
            jobs: of one key, in one of the allowed sizes.
            staged: result of `stage` for their items, if it exists already.
            concurrency: how many batches share the device, this one included.
        """
        try:
            return list(zip(jobs, self._call(jobs, staged, concurrency), strict=True))
        except DevicePoisoned:
            return [(job, DevicePoisoned("the device broke down")) for job in jobs]
        except OutOfMemory as error:
            _log.error("no memory for a batch of %d", len(jobs))
            if len(jobs) == 1:
                return [(jobs[0], inference_failed(error))]
            return self._in_parts(jobs, self._sizes.largest(jobs[0].key))
        except Exception as error:
            _log.exception("a batch of %d failed", len(jobs))
            if len(jobs) == 1:
                return [(jobs[0], inference_failed(error))]
            return self._in_parts(jobs, 1)

    def _in_parts(
        self, jobs: Sequence[InferenceJob[In, Out]], most: int
    ) -> list[tuple[InferenceJob[In, Out], JobOutcome[Out]]]:
        """Run the jobs of a failed batch again, at most so many at a time."""
        outcomes: list[tuple[InferenceJob[In, Out], JobOutcome[Out]]] = []
        waiting = list(jobs)
        while waiting:
            reasons = [self._why_not(job) for job in waiting]
            outcomes += [(j, why) for j, why in zip(waiting, reasons, strict=True) if why]
            waiting = [j for j, why in zip(waiting, reasons, strict=True) if not why]
            if waiting:
                size = self._sizes.largest(waiting[0].key, min(most, len(waiting)))
                outcomes += self.serve(waiting[:size])
                waiting = waiting[size:]
        return outcomes

    def _why_not(self, job: InferenceJob[In, Out]) -> InferenceFailed | DeadlineExceeded | None:
        if job.abandoned:
            return InferenceFailed("no caller waits for this item")
        if self.poisoned:
            return thread_ended()
        if time.monotonic() > job.deadline_s:
            return DeadlineExceeded("the deadline passed while its batch failed")
        return None

    def _call(
        self, jobs: Sequence[InferenceJob[In, Out]], staged: Staged | None, concurrency: int
    ) -> Sequence[JobResult[Out]]:
        size = len(jobs)
        started_s = time.monotonic()
        failed, lacked_memory = True, False
        try:
            if staged is None:
                staged = self._stage([job.item for job in jobs])
            values = self._run(staged, concurrency)
            failed = len(values) != size
        except DevicePoisoned:
            _log.critical("the device is poisoned: only a new process can use it again")
            self.poisoned = True
            raise
        except OutOfMemory:
            lacked_memory = True
            raise
        finally:
            ran_s = time.monotonic() - started_s
            self._observe(Batch(jobs[0].key, size, ran_s, failed, lacked_memory, concurrency))
        return [
            JobResult(value, started_s - job.arrived_s, ran_s, size)
            for job, value in zip(jobs, values, strict=True)
        ]
