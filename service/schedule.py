"""Who goes to the device next, and how long that takes: the batcher without its thread.

No clock, no thread and no future lives here; time comes in as an argument, so that every
promise can be tested under a virtual clock.

    admit ──> one heap per key, earliest deadline first ──> take: one batch of one key
                                                        └─> late: cannot be on time any more
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from service.errors import DeadlineExceeded, Overloaded

_SMOOTHING: Final = 0.2  # weight of the newest measurement


class Durations:
    """T(key, n): how long one batch of n items of a key takes, in seconds.

    Seeded at warm-up and kept by an exponentially weighted moving average.
    """

    def __init__(self) -> None:
        self._known_s: dict[Hashable, dict[int, float]] = {}

    def observe(self, key: Hashable, size: int, duration_s: float) -> None:
        """Learn that a batch of `size` items of `key` took `duration_s`."""
        known_s = self._known_s.setdefault(key, {})
        before_s = known_s.get(size, duration_s)
        known_s[size] = before_s + _SMOOTHING * (duration_s - before_s)

    def estimate_s(self, key: Hashable, size: int) -> float:
        """Return the expected duration; 0 while nothing is known about `key`.

        A size not seen yet is taken in proportion to the next smaller one, which a
        batch never exceeds by much, or else as no faster than the next larger one.
        """
        known_s = self._known_s.get(key)
        if not known_s:
            return 0.0
        below = max((n for n in known_s if n <= size), default=None)
        if below is None:
            return known_s[min(known_s)]
        return known_s[below] * size / below


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
    def abandoned(self) -> bool:
        """Whether nobody waits for its result any more."""


J = TypeVar("J", bound=Job)


@dataclass(frozen=True, slots=True)
class Turn(Generic[J]):
    """One decision: run `batch` (all of one key) now, and fail `late`."""

    batch: Sequence[J] = ()
    late: Sequence[J] = ()


@dataclass(slots=True, order=True)
class _Entry(Generic[J]):
    deadline_s: float
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

    def waiting(self, key: Hashable) -> int:
        """Return how many jobs of `key` wait, the abandoned ones included."""
        return len(self._heaps.get(key, ()))

    def wait_s(self, deadline_s: float = math.inf) -> float:
        """Return how long the device needs for all that goes before a job of that deadline."""
        total_s = 0.0
        for key, heap in self._heaps.items():
            ahead = sum(e.deadline_s <= deadline_s and not e.job.abandoned for e in heap)
            while ahead:
                size = self._largest_size(ahead)
                total_s += self._durations.estimate_s(key, size)
                ahead -= size
        return total_s

    def check(
        self,
        now_s: float,
        *,
        busy_s: float = 0.0,
        deadline_s: float = math.inf,
        own_s: float = 0.0,
    ) -> None:
        """Refuse now what could not be served in time.

        Args:
            now_s: the time.
            busy_s: for how long the device is still busy with its present batch.
            deadline_s: when the result becomes worthless.
            own_s: for how long the job itself would keep the device busy.

        Raises:
            DeadlineExceeded: even an idle device would be too late.
            Overloaded: the wait would pass `max_wait_s`, or the deadline would pass first.
        """
        slack_s = deadline_s - now_s - own_s
        if slack_s < 0:
            raise DeadlineExceeded("the deadline leaves too little time for this image")
        limit_s = min(self._max_wait_s, slack_s)
        wait_s = busy_s + self.wait_s(deadline_s)
        if wait_s > limit_s:
            raise Overloaded(
                f"the estimated wait of {wait_s * 1e3:.0f} ms exceeds {limit_s * 1e3:.0f} ms",
                retry_after_s=wait_s - limit_s,
            )

    def admit(self, job: J, now_s: float, *, busy_s: float = 0.0) -> None:
        """Take `job` in, or refuse it as `check` does."""
        own_s = self._durations.estimate_s(job.key, 1)
        self.check(now_s, busy_s=busy_s, deadline_s=job.deadline_s, own_s=own_s)
        entry = _Entry(job.deadline_s, self._num_admitted, job)
        self._num_admitted += 1
        heapq.heappush(self._heaps.setdefault(job.key, []), entry)

    def take(self, now_s: float) -> Turn[J]:
        """Decide what the free device does now; an empty turn when nothing waits.

        The key of the earliest deadline goes first (of equals the fuller heap), in the
        largest allowed size that is not above what waits. Abandoned jobs vanish.
        """
        self._drop(lambda entry: entry.job.abandoned)
        late: list[J] = []
        while self._heaps:
            key = min(self._heaps, key=lambda k: (self._heaps[k][0].deadline_s, -self.waiting(k)))
            heap = self._heaps[key]
            size = self._largest_size(len(heap))
            if heap[0].deadline_s < now_s + self._durations.estimate_s(key, size):
                late.append(heapq.heappop(heap).job)
                self._drop_empty()
                continue
            batch = [heapq.heappop(heap).job for _ in range(size)]
            self._drop_empty()
            return Turn(batch, late)
        return Turn(late=late)

    def clear(self) -> list[J]:
        """Give up everything that waits, and return it."""
        jobs = [entry.job for heap in self._heaps.values() for entry in heap]
        self._heaps.clear()
        return jobs

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
