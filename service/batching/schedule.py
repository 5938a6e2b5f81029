"""Orders the waiting jobs and estimates their wait: the batcher without its threads.

It has no clock, threads or futures. Time is an argument, so that every promise can be tested
with a virtual clock.

    admit ──> order by urgency ──> share among callers ──> take: one batch of one key
                                                       └─> late: cannot meet its deadline
"""

from __future__ import annotations

import math
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from relight.errors import DeadlineExceeded, Overloaded
from service.batching.durations import Durations
from service.batching.fair_queue import FairQueue, QueuedJob
from service.batching.sizes import BatchSizes
from service.batching.urgency import Priority, due_s

J = TypeVar("J", bound=QueuedJob)


@dataclass(frozen=True, slots=True)
class Decision(Generic[J]):
    """One decision: run `batch` (all of one key) now, and fail the jobs in `late`.

    `concurrency` batches then share the device, this one included.
    """

    batch: Sequence[J] = ()
    late: Sequence[J] = ()
    concurrency: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class _Visitor:
    """A job that only asks whether it would be admitted."""

    key: Hashable
    caller: Hashable
    arrived_s: float
    deadline_s: float
    priority: Priority
    abandoned: bool = False


class Schedule(Generic[J]):
    """Jobs that wait for one device.

    The device takes n jobs at once: in one batch, or each in a batch of its own. Either way they
    are done after T(key, n).

    Args:
        durations: T(key, n), shared with the code that measures it.
        sizes: the allowed n, shared with the code that updates them.
        max_wait_s: a job whose batch would start later is refused.
        max_concurrency: most batches at once; more than one are batches of one job.
    """

    def __init__(
        self,
        durations: Durations,
        sizes: BatchSizes,
        *,
        max_wait_s: float,
        max_concurrency: int = 1,
    ) -> None:
        self._durations = durations
        self._sizes = sizes
        self._max_wait_s = max_wait_s
        self._max_concurrency = max_concurrency
        self._fair_queue = FairQueue(self._cost_s)
        self._line: list[J] = []  # by due time; equal ones in order of arrival

    def __len__(self) -> int:
        return len(self._line)

    def waiting(self, key: Hashable, priority: Priority) -> int:
        """Return the number of waiting jobs of `key` and `priority`, including abandoned ones."""
        return sum(job.key == key and job.priority == priority for job in self._line)

    @property
    def oldest_arrival_s(self) -> float | None:
        """Arrival time of the oldest job; None if none waits."""
        return min((job.arrived_s for job in self._line), default=None)

    def wait_s(self, *, num_coming: int = 0) -> float:
        """Return the device time of all waiting jobs, in seconds.

        Args:
            num_coming: admitted jobs that have not reached the queue yet.
        """
        return self._needs_s(self._waiting(), num_coming)

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
        """Refuse a job that could not be served in time.

        Args:
            now_s: the time.
            busy_s: remaining time until the device can take a batch.
            deadline_s: when the result becomes worthless.
            priority: the job's class.
            caller: who submits the job.
            key: the job's key; None if not known yet.
            num_coming: admitted jobs that have not reached the queue yet.

        Raises:
            DeadlineExceeded: even an idle device would finish too late.
            Overloaded: the wait would pass `max_wait_s`, or the deadline would pass first.
        """
        key = self._usual_key() if key is None else key
        visitor = _Visitor(key, caller, now_s, deadline_s, priority)
        self._check_own(visitor, self._split(visitor, now_s)[0], now_s, busy_s, num_coming)

    def admit(self, job: J, now_s: float, *, busy_s: float = 0.0) -> None:
        """Admit `job`, or refuse it as `check` does.

        It is also refused if it would go ahead of a job that would then be late: a place in
        the queue is a promise. The promise does not hold for a less urgent class, or for a
        caller with more waiting jobs than the new job's caller.

        A job that follows from work that was admitted is refused only if it cannot be in time:
        its own time was counted then, and what was spent would be lost.
        """
        if job.arrived_s < now_s and self._durations.follows(job.key):
            self._check_own(job, (), now_s, 0.0, 0)
            insort(self._line, job, key=_due_s)
            return
        ahead, behind = self._split(job, now_s)
        self._check_own(job, ahead, now_s, busy_s, 0)
        self._check_others(job, ahead, behind, now_s + busy_s)
        insort(self._line, job, key=_due_s)

    def preview(self, now_s: float) -> Sequence[J]:
        """Return the batch that `take` would return, without changing anything."""
        return self._decide(now_s).batch

    def take(self, now_s: float, *, num_running: int = 0) -> Decision[J]:
        """Decide what the free device does now: nothing if no job waits.

        The key of the first job goes first (among equals, the key with more jobs), in the
        largest allowed size that the waiting jobs fill. Abandoned jobs are dropped; jobs that
        would miss their deadline in that batch are late.

        Args:
            now_s: the time.
            num_running: batches that the device runs already.
        """
        decision = self._decide(now_s, num_running)
        if decision.late and not decision.batch:
            self._durations.doubt(decision.late[0].key, decision.concurrency)
        self._fair_queue.serve(decision.batch, self._waiting())
        gone = {id(job) for job in (*decision.batch, *decision.late)}
        self._line = [job for job in self._waiting() if id(job) not in gone]
        return decision

    def clear(self) -> list[J]:
        """Remove and return all waiting jobs."""
        jobs, self._line = self._line, []
        return jobs

    def _decide(self, now_s: float, num_running: int = 0) -> Decision[J]:
        waiting = self._fair_queue.order(self._waiting(), now_s)
        late: list[J] = []
        concurrency = 1
        while waiting:
            by_key: defaultdict[Hashable, list[J]] = defaultdict(list)
            for job in waiting:
                by_key[job.key].append(job)
            first_s = _due_s(waiting[0])
            equals = [jobs for jobs in by_key.values() if _due_s(jobs[0]) == first_s]
            jobs = max(equals, key=len)
            key, size = jobs[0].key, 1
            if self._max_concurrency == 1:
                size = self._sizes.largest(key, len(jobs))
            else:
                concurrency = self._sizes.enough(key, num_running + len(waiting))
            batch = jobs[:size]
            ready_s = now_s + self._durations.estimate_s(key, size * concurrency)
            too_late = {id(job) for job in batch if job.deadline_s < ready_s}
            if not too_late:
                return Decision(batch, late, concurrency)
            late += [job for job in batch if id(job) in too_late]
            waiting = [job for job in waiting if id(job) not in too_late]
        return Decision((), late, concurrency)

    def _waiting(self) -> list[J]:
        return [job for job in self._line if not job.abandoned]

    def _split(
        self, new: QueuedJob, now_s: float
    ) -> tuple[Sequence[QueuedJob], Sequence[QueuedJob]]:
        """Return the jobs ahead of a new one, and those behind it."""
        line: list[QueuedJob] = [*self._waiting()]
        insort(line, new, key=_due_s)
        order = self._fair_queue.order(line, now_s)
        place = order.index(new)
        return order[:place], order[place + 1 :]

    def _check_own(
        self,
        new: QueuedJob,
        ahead: Sequence[QueuedJob],
        now_s: float,
        busy_s: float,
        num_coming: int,
    ) -> None:
        """Refuse `new` if it would be late, or would wait too long."""
        alone_s = self._durations.estimate_s(new.key, 1)
        if new.deadline_s < now_s + alone_s:
            if not busy_s:
                self._durations.doubt(new.key, 1)
            raise DeadlineExceeded("the deadline leaves too little time for this image")
        wait_s = busy_s + self._needs_s(ahead, num_coming)
        # A job that has to wait may share a batch with later ones.
        full_s = self._durations.estimate_s(new.key, self._sizes.largest(new.key))
        own_s = full_s if wait_s else alone_s
        limit_s = max(0.0, min(self._max_wait_s, new.deadline_s - now_s - own_s))
        if wait_s > limit_s:
            raise Overloaded(
                f"the estimated wait of {wait_s * 1e3:.0f} ms exceeds {limit_s * 1e3:.0f} ms",
                retry_after_s=busy_s + self.wait_s(num_coming=num_coming),
            )

    def _check_others(
        self, new: QueuedJob, ahead: Sequence[QueuedJob], behind: Sequence[QueuedJob], free_s: float
    ) -> None:
        """Refuse `new` if it would make a job behind it late; the device is free then."""
        size = self._sizes.largest(new.key)
        added_s = self._durations.estimate_s(new.key, size) / size
        num_waiting = Counter(job.caller for job in (*ahead, new, *behind))
        num_by_key = Counter(job.key for job in ahead)
        total_s = {key: self._total_s(key, number) for key, number in num_by_key.items()}
        for other in behind:
            may_suffer = (
                other.priority > new.priority or num_waiting[other.caller] > num_waiting[new.caller]
            )
            num_by_key[other.key] += 1
            total_s[other.key] = self._total_s(other.key, num_by_key[other.key])
            ready_s = free_s + sum(total_s.values())
            if not may_suffer and ready_s <= other.deadline_s < ready_s + added_s:
                raise Overloaded(
                    "a request that was admitted earlier would be too late",
                    retry_after_s=ready_s - free_s,
                )

    def _needs_s(self, jobs: Iterable[QueuedJob], num_coming: int) -> float:
        """Return the device time of the waiting and the coming jobs, in seconds."""
        numbers = Counter(job.key for job in jobs)
        if num_coming:  # their keys are not known yet: assume the most frequent one
            numbers[self._usual_key()] += num_coming
        return sum(self._total_s(key, number) for key, number in numbers.items())

    def _total_s(self, key: Hashable, number: int) -> float:
        """Return the device time of `number` jobs of a key, in the batches of `take`."""
        total_s = 0.0
        while number:
            size = self._sizes.largest(key, number)
            count = number // size
            total_s += count * self._durations.estimate_s(key, size)
            number -= count * size
        return total_s

    def _cost_s(self, key: Hashable) -> float:
        """Return the device time per job of a full batch."""
        size = self._sizes.largest(key)
        return self._durations.batch_s(key, size) / size

    def _usual_key(self) -> Hashable:
        keys = Counter(job.key for job in self._line if not self._durations.follows(job.key))
        return max(keys, key=lambda key: keys[key], default=self._durations.last_key)


def _due_s(job: QueuedJob) -> float:
    return due_s(job.arrived_s, job.deadline_s, job.priority)
