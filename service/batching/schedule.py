"""Who goes to the device next, and how long that takes: the batcher without its thread.

No clock, no thread and no future lives here; time comes in as an argument, so that every
promise can be tested under a virtual clock.

    admit ──> one heap per key, in order of urgency ──> take: one batch of one key
                                                    └─> late: cannot be on time any more
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Generic, Protocol, TypeVar

from service.batching.durations import Durations
from service.errors import DeadlineExceeded, Overloaded

PATIENCE_S: Final = 5.0
AGEING_S: Final = 5.0


class Priority(IntEnum):
    """The classes of work, the more urgent one first."""

    INTERACTIVE = 0
    BULK = 1


class Job(Protocol):
    """What waits: something with a key, an arrival and a deadline, that may be given up."""

    @property
    def key(self) -> Hashable:
        """Jobs of one key can share a batch."""

    @property
    def arrived_s(self) -> float:
        """When it was submitted, in seconds of the caller's clock."""

    @property
    def deadline_s(self) -> float:
        """When its result becomes worthless, on the same clock; may be infinite."""

    @property
    def priority(self) -> Priority:
        """Its class."""

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for its result any more."""


J = TypeVar("J", bound=Job)


def due_s(arrived_s: float, deadline_s: float, priority: Priority) -> float:
    """Return the time by which jobs are ordered: class with ageing, then deadline.

    A job is due at its deadline, but never later than `PATIENCE_S` after its arrival, and
    `AGEING_S` later for each class below the first. The order of two jobs never changes, so
    a heap can hold them; and whoever arrives after a job is due goes behind it, so that
    nobody starves, whatever else keeps coming.
    """
    return min(deadline_s, arrived_s + PATIENCE_S) + priority * AGEING_S


@dataclass(frozen=True, slots=True)
class Turn(Generic[J]):
    """One decision: run `batch` (all of one key) now, and fail `late`."""

    batch: Sequence[J] = ()
    late: Sequence[J] = ()


@dataclass(slots=True, order=True)
class _Entry(Generic[J]):
    due_s: float
    number: int
    job: J = field(compare=False)


class Schedule(Generic[J]):
    """Jobs that wait for one device.

    Args:
        durations: T(key, n), shared with whoever measures it.
        batch_sizes: the sizes that the device may be given; 1 must be among them.
        max_wait_s: admission refuses a job that would wait longer for its batch to start.
    """

    def __init__(
        self, durations: Durations, *, batch_sizes: Sequence[int], max_wait_s: float
    ) -> None:
        if 1 not in batch_sizes:
            raise ValueError(f"batch sizes {tuple(batch_sizes)} lack 1")
        self._durations = durations
        self._batch_sizes = sorted(batch_sizes)
        self._max_wait_s = max_wait_s
        self._heaps: dict[Hashable, list[_Entry[J]]] = {}
        self._num_admitted = 0

    def __len__(self) -> int:
        return sum(map(len, self._heaps.values()))

    def waiting(self, key: Hashable, priority: Priority) -> int:
        """Return how many jobs of `key` and `priority` wait, the abandoned ones included."""
        return sum(entry.job.priority == priority for entry in self._heaps.get(key, ()))

    @property
    def oldest_arrival_s(self) -> float | None:
        """When the job that waits longest arrived; None when nothing waits."""
        arrivals = (e.job.arrived_s for heap in self._heaps.values() for e in heap)
        return min(arrivals, default=None)

    def wait_s(self, due_s: float = math.inf, *, num_coming: int = 0) -> float:
        """Return how long the device needs for all that goes before a job due then.

        Args:
            due_s: as the function `due_s` tells.
            num_coming: jobs let in already that are on their way to the queue.
        """
        ahead = Counter(
            {
                key: sum(e.due_s <= due_s and not e.job.abandoned for e in heap)
                for key, heap in self._heaps.items()
            }
        )
        if num_coming:  # nobody knows their key yet: take the one that is asked for most
            ahead[self._usual_key()] += num_coming
        return sum(self._total_s(key, number) for key, number in ahead.items())

    def check(
        self,
        now_s: float,
        *,
        busy_s: float = 0.0,
        deadline_s: float = math.inf,
        priority: Priority = Priority.INTERACTIVE,
        key: Hashable = None,
        num_coming: int = 0,
    ) -> None:
        """Refuse now what could not be served in time.

        Args:
            now_s: the time.
            busy_s: for how long the device is still busy with its present batch.
            deadline_s: when the result becomes worthless.
            priority: the job's class.
            key: the job's key; None while it is not known.
            num_coming: jobs let in already that are on their way to the queue.

        Raises:
            DeadlineExceeded: even an idle device would be too late.
            Overloaded: the wait would pass `max_wait_s`, or the deadline would pass first.
        """
        key = self._usual_key() if key is None else key
        alone_s = self._durations.estimate_s(key, 1)
        if deadline_s < now_s + alone_s:
            raise DeadlineExceeded("the deadline leaves too little time for this image")
        queue_s = self.wait_s(due_s(now_s, deadline_s, priority), num_coming=num_coming)
        wait_s = busy_s + queue_s
        # Whoever has to wait may share a batch with those who come meanwhile.
        own_s = self._durations.estimate_s(key, self._batch_sizes[-1]) if wait_s else alone_s
        limit_s = min(self._max_wait_s, deadline_s - now_s - own_s)
        if wait_s > max(limit_s, 0.0):
            raise Overloaded(
                f"the estimated wait of {wait_s * 1e3:.0f} ms exceeds "
                f"{max(limit_s, 0.0) * 1e3:.0f} ms",
                retry_after_s=busy_s + self.wait_s(num_coming=num_coming),
            )

    def admit(self, job: J, now_s: float, *, busy_s: float = 0.0) -> None:
        """Take `job` in, or refuse it as `check` does.

        It is refused, too, when it would go ahead of somebody of its class, or of a more
        urgent one, who would then be late: a place in the queue is a promise.
        """
        self.check(
            now_s,
            busy_s=busy_s,
            deadline_s=job.deadline_s,
            priority=job.priority,
            key=job.key,
        )
        due = due_s(job.arrived_s, job.deadline_s, job.priority)
        self._check_others(job, due, now_s + busy_s)
        entry = _Entry(due, self._num_admitted, job)
        self._num_admitted += 1
        heapq.heappush(self._heaps.setdefault(job.key, []), entry)

    def take(self, now_s: float) -> Turn[J]:
        """Decide what the free device does now; an empty turn when nothing waits.

        The key of the most urgent job goes first (of equals the fuller heap), in the
        largest allowed size that is not above what waits. Abandoned jobs vanish; whoever
        could not be on time in that batch is late.
        """
        self._drop(lambda entry: entry.job.abandoned)
        late: list[J] = []
        while self._heaps:
            key = min(self._heaps, key=lambda k: (self._heaps[k][0].due_s, -len(self._heaps[k])))
            heap = self._heaps[key]
            size = self._largest_size(len(heap))
            ready_s = now_s + self._durations.estimate_s(key, size)
            entries = [heapq.heappop(heap) for _ in range(size)]
            on_time = [entry for entry in entries if entry.job.deadline_s >= ready_s]
            if len(on_time) == size:
                self._drop_empty()
                return Turn([entry.job for entry in entries], late)
            late.extend(entry.job for entry in entries if entry.job.deadline_s < ready_s)
            for entry in on_time:  # others may fill the batch up
                heapq.heappush(heap, entry)
            self._drop_empty()
        return Turn(late=late)

    def clear(self) -> list[J]:
        """Give up everything that waits, and return it."""
        jobs = [entry.job for heap in self._heaps.values() for entry in heap]
        self._heaps.clear()
        return jobs

    def _check_others(self, job: J, due_s: float, free_s: float) -> None:
        """Refuse `job` when it would make somebody behind it late; the device is free then."""
        added_s = self._durations.estimate_s(job.key, self._batch_sizes[-1]) / self._batch_sizes[-1]
        ahead: Counter[Hashable] = Counter()
        for entry in sorted(e for heap in self._heaps.values() for e in heap):
            other = entry.job
            if other.abandoned:
                continue
            ahead[other.key] += 1
            if entry.due_s <= due_s or other.priority > job.priority:
                continue
            ready_s = free_s + sum(self._total_s(key, n) for key, n in ahead.items())
            if ready_s <= other.deadline_s < ready_s + added_s:
                raise Overloaded(
                    "another request, let in before, would be too late",
                    retry_after_s=ready_s - free_s,
                )

    def _total_s(self, key: Hashable, number: int) -> float:
        """Return how long `number` jobs of a key take, in the batches that `take` would make."""
        total_s = 0.0
        while number:
            size = self._largest_size(number)
            count = number // size
            total_s += count * self._durations.estimate_s(key, size)
            number -= count * size
        return total_s

    def _usual_key(self) -> Hashable:
        return max(self._heaps, key=lambda k: len(self._heaps[k]), default=self._durations.last_key)

    def _largest_size(self, waiting: int) -> int:
        return max(size for size in self._batch_sizes if size <= waiting)

    def _drop(self, unwanted: Callable[[_Entry[J]], bool]) -> None:
        for heap in self._heaps.values():
            kept = [entry for entry in heap if not unwanted(entry)]
            if len(kept) != len(heap):
                heap[:] = kept
                heapq.heapify(heap)
        self._drop_empty()

    def _drop_empty(self) -> None:
        self._heaps = {key: heap for key, heap in self._heaps.items() if heap}
