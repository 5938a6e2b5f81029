"""The batcher's data: a waiting job, its answer, and a batch that ran."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from relight.errors import InferenceFailed, RelightError
from service.batching.urgency import Priority

In = TypeVar("In")
Staged = TypeVar("Staged")  # the input of the device: n items combined
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class JobResult(Generic[Out]):
    """A result and its cost.

    Attributes:
        value: the result.
        waited_s: from arrival to the start of the batch, in seconds.
        ran_s: duration of the batch that held it.
        batch_size: number of items in that batch.
    """

    value: Out
    waited_s: float
    ran_s: float
    batch_size: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The record of one batch, for an observer.

    Attributes:
        key: of its items.
        size: number of its items.
        duration_s: of the call of the device.
        failed: whether it raised, or lost items.
        lacked_memory: whether a smaller batch may succeed.
        concurrency: how many such batches shared the device.
    """

    key: Hashable
    size: int
    duration_s: float
    failed: bool
    lacked_memory: bool = False
    concurrency: int = 1


JobOutcome: TypeAlias = JobResult[Out] | RelightError


@dataclass(eq=False, slots=True)
class InferenceJob(Generic[In, Out]):
    """An item that waits for the device, with the future of its caller."""

    item: In
    key: Hashable
    arrived_s: float
    deadline_s: float
    priority: Priority
    caller: Hashable
    future: asyncio.Future[JobResult[Out]]

    @property
    def abandoned(self) -> bool:
        """Whether its caller has left."""
        return self.future.done()

    def settle(self, outcome: JobOutcome[Out]) -> None:
        """Resolve the future; to be called by the event loop."""
        if self.future.done():  # the caller may have left meanwhile
            return
        if isinstance(outcome, RelightError):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


@dataclass(frozen=True, slots=True)
class StagedBatch(Generic[In, Staged, Out]):
    """The next batch for the device, with its staged input or None.

    `concurrency` batches share the device, this one included.
    """

    jobs: Sequence[InferenceJob[In, Out]]
    staged: Staged | None
    concurrency: int = 1


def inference_failed(cause: Exception) -> InferenceFailed:
    """Return the error for a caller on whose item the device failed."""
    if isinstance(cause, InferenceFailed):
        return cause
    error = InferenceFailed("the model failed on this image")
    error.__cause__ = cause
    return error


def thread_ended() -> InferenceFailed:
    """Return the error for a caller when the device thread has ended."""
    return InferenceFailed("the device thread ended")
