"""Who goes to the device next, and how long that takes: the batcher without its thread.

No clock, no thread and no future lives here; time comes in as an argument, so that every
promise can be tested under a virtual clock.

    admit ──> one line, in order of urgency and fairness ──> take: one batch of one key
                                                         └─> late: cannot be on time any more
"""

from __future__ import annotations

import math
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from service.batching.durations import Durations
from service.batching.sizes import BatchSizes
from service.batching.urgency import Priority, due_s, turn_s
from service.errors import DeadlineExceeded, Overloaded


class Job(Protocol):
    """What waits: something with a key, a caller and a deadline, that may be given up."""

    @property
    def key(self) -> Hashable:
        """Jobs of one key can share a batch."""

    @property
    def caller(self) -> Hashable:
        """Whose it is: callers take turns."""

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


@dataclass(frozen=True, slots=True)
class Turn(Generic[J]):
    """One decision: run `batch` (all of one key) now, and fail `late`."""

    batch: Sequence[J] = ()
    late: Sequence[J] = ()


@dataclass(slots=True, eq=False)
class _Entry(Generic[J]):
    due_s: float
    job: J
    round: int = field(default=0)  # how many of its caller go before it
    turn_s: float = field(default=0.0)


class Schedule(Generic[J]):
    """Jobs that wait for one device.

    Args:
        durations: T(key, n), shared with whoever measures it.
        sizes: how many jobs the device may be given, shared with whoever learns it.
        max_wait_s: admission refuses a job that would wait longer for its batch to start.
    """

    def __init__(self, durations: Durations, sizes: BatchSizes, *, max_wait_s: float) -> None:
        self._durations = durations
        self._sizes = sizes
        self._max_wait_s = max_wait_s
        self._line: list[_Entry[J]] = []  # by due time; of equals in order of arrival

    def __len__(self) -> int:
        return len(self._line)

    def waiting(self, key: Hashable, priority: Priority) -> int:
        """Return how many jobs of `key` and `priority` wait, the abandoned ones included."""
        return sum(e.job.key == key and e.job.priority == priority for e in self._line)

    @property
    def oldest_arrival_s(self) -> float | None:
        """When the job that waits longest arrived; None when nothing waits."""
        return min((entry.job.arrived_s for entry in self._line), default=None)

    def wait_s(
        self, due_s: float = math.inf, caller: Hashable = None, *, num_coming: int = 0
    ) -> float:
        """Return how long the device needs for all that goes before a job due then.

        Args:
            due_s: as the function `due_s` tells.
            caller: whose the job is.
            num_coming: jobs let in already that are on their way to the queue.
        """
        order = self._order()
        place_s = turn_s(due_s, self._round(order, due_s, caller))
        ahead = Counter(entry.job.key for entry in order if entry.turn_s <= place_s)
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
        caller: Hashable = None,
        key: Hashable = None,
        num_coming: int = 0,
    ) -> None:
        """Refuse now what could not be served in time.

        Args:
            now_s: the time.
            busy_s: for how long the device is still busy with its present batch.
            deadline_s: when the result becomes worthless.
            priority: the job's class.
            caller: whose the job is.
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
        due = due_s(now_s, deadline_s, priority)
        wait_s = busy_s + self.wait_s(due, caller, num_coming=num_coming)
        # Whoever has to wait may share a batch with those who come meanwhile.
        own_s = self._durations.estimate_s(key, self._sizes.largest(key)) if wait_s else alone_s
        limit_s = min(self._max_wait_s, deadline_s - now_s - own_s)
        if wait_s > max(limit_s, 0.0):
            raise Overloaded(
                f"the estimated wait of {wait_s * 1e3:.0f} ms exceeds "
                f"{max(limit_s, 0.0) * 1e3:.0f} ms",
                retry_after_s=busy_s + self.wait_s(num_coming=num_coming),
            )

    def admit(self, job: J, now_s: float, *, busy_s: float = 0.0) -> None:
        """Take `job` in, or refuse it as `check` does.

        It is refused, too, when it would go ahead of somebody who would then be late: a place
        in the queue is a promise, unless it is one of a less urgent class, or further back
        among its caller's than the new job is among its own.
        """
        self.check(
            now_s,
            busy_s=busy_s,
            deadline_s=job.deadline_s,
            priority=job.priority,
            caller=job.caller,
            key=job.key,
        )
        entry = _Entry(due_s(job.arrived_s, job.deadline_s, job.priority), job)
        self._check_others(entry, now_s + busy_s)
        insort(self._line, entry, key=lambda e: e.due_s)

    def preview(self, now_s: float) -> Sequence[J]:
        """Return the batch that `take` would give, and change nothing."""
        return self._decide(now_s).batch

    def take(self, now_s: float) -> Turn[J]:
        """Decide what the free device does now; an empty turn when nothing waits.

        The key of the first job in the order goes first (of equals the one of which more
        wait), in the largest allowed size that is not above what waits. Abandoned jobs vanish;
        whoever could not be on time in that batch is late.
        """
        turn = self._decide(now_s)
        gone = {id(job) for job in (*turn.batch, *turn.late)}
        self._line = [e for e in self._line if not (id(e.job) in gone or e.job.abandoned)]
        return turn

    def clear(self) -> list[J]:
        """Give up everything that waits, and return it."""
        jobs = [entry.job for entry in self._line]
        self._line.clear()
        return jobs

    def _decide(self, now_s: float) -> Turn[J]:
        waiting = self._order()
        late: list[J] = []
        while waiting:
            by_key: defaultdict[Hashable, list[_Entry[J]]] = defaultdict(list)
            for entry in waiting:
                by_key[entry.job.key].append(entry)
            key = min(by_key, key=lambda k: (by_key[k][0].turn_s, -len(by_key[k])))
            jobs = [e.job for e in by_key[key][: self._sizes.largest(key, len(by_key[key]))]]
            ready_s = now_s + self._durations.estimate_s(key, len(jobs))
            too_late = {id(job) for job in jobs if job.deadline_s < ready_s}
            if not too_late:
                return Turn(jobs, late)
            late += [job for job in jobs if id(job) in too_late]
            waiting = [e for e in waiting if id(e.job) not in too_late]
        return Turn(late=late)

    def _order(self) -> list[_Entry[J]]:
        """Return those who wait, without the abandoned, in the order of their turns."""
        num_before: Counter[Hashable] = Counter()
        order = [entry for entry in self._line if not entry.job.abandoned]
        for entry in order:
            entry.round = num_before[entry.job.caller]
            entry.turn_s = turn_s(entry.due_s, entry.round)
            num_before[entry.job.caller] += 1
        return sorted(order, key=lambda entry: entry.turn_s)

    @staticmethod
    def _round(order: Sequence[_Entry[J]], due_s: float, caller: Hashable) -> int:
        return sum(e.job.caller == caller and e.due_s <= due_s for e in order)

    def _check_others(self, new: _Entry[J], free_s: float) -> None:
        """Refuse `new` when it would make somebody behind it late; the device is free then."""
        job, order = new.job, self._order()
        largest = self._sizes.largest(job.key)
        added_s = self._durations.estimate_s(job.key, largest) / largest
        new_round = self._round(order, new.due_s, job.caller)
        place_s = turn_s(new.due_s, new_round)
        ahead: Counter[Hashable] = Counter()
        total_s: dict[Hashable, float] = {}
        for entry in order:
            other = entry.job
            ahead[other.key] += 1
            total_s[other.key] = self._total_s(other.key, ahead[other.key])
            if entry.turn_s <= place_s or other.priority > job.priority:
                continue
            if other.caller != job.caller and entry.round > new_round:
                continue
            ready_s = free_s + sum(total_s.values())
            if ready_s <= other.deadline_s < ready_s + added_s:
                raise Overloaded(
                    "another request, let in before, would be too late",
                    retry_after_s=ready_s - free_s,
                )

    def _total_s(self, key: Hashable, number: int) -> float:
        """Return how long `number` jobs of a key take, in the batches that `take` would make."""
        total_s = 0.0
        while number:
            size = self._sizes.largest(key, number)
            count = number // size
            total_s += count * self._durations.estimate_s(key, size)
            number -= count * size
        return total_s

    def _usual_key(self) -> Hashable:
        keys = Counter(entry.job.key for entry in self._line)
        return max(keys, key=lambda key: keys[key], default=self._durations.last_key)
