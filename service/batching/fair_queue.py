"""Fair queueing: callers who wait at the same time get equal shares of the device."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from heapq import heapify, heappop, heapreplace
from typing import Protocol, TypeVar

from service.batching.urgency import AGEING_S, Priority


class QueuedJob(Protocol):
    """A waiting job with a key, a caller and a deadline; it may be abandoned."""

    @property
    def key(self) -> Hashable:
        """Jobs of one key can share a batch."""

    @property
    def caller(self) -> Hashable:
        """Who submitted it; callers get equal shares."""

    @property
    def arrived_s(self) -> float:
        """Time of submission, in seconds of the caller's clock."""

    @property
    def deadline_s(self) -> float:
        """Time when its result becomes worthless, on the same clock; may be infinite."""

    @property
    def priority(self) -> Priority:
        """Its class."""

    @property
    def abandoned(self) -> bool:
        """Whether its caller has left."""


J = TypeVar("J", bound=QueuedJob)


class FairQueue:
    """The device time that each caller has used: the least served caller goes first.

    Start-time fair queueing (Goyal et al. 1996): a returning caller starts level with the least
    served of the waiting ones, so that no caller saves up time or owes any.

    Args:
        cost_s: device time of a job of a key, in seconds.
    """

    def __init__(self, cost_s: Callable[[Hashable], float]) -> None:
        self._cost_s = cost_s
        self._level_s = 0.0
        self._had_s: dict[Hashable, float] = {}

    def order(self, line: Sequence[J], now_s: float) -> Sequence[J]:
        """Return jobs in the order in which they run: by class, then fairly among callers.

        Args:
            line: all waiting jobs, in order of urgency.
            now_s: the time; a class that has aged competes with the next higher one.
        """
        lines: defaultdict[Hashable, deque[J]] = defaultdict(deque)
        for job in line:
            lines[job.caller].append(job)
        if len(lines) < 2:
            return line
        had_s = {caller: self._had(caller) for caller in lines}
        costs_s = {key: self._cost_s(key) for key in {job.key for job in line}}
        ranks = {caller: number for number, caller in enumerate(lines)}  # the most urgent first

        def place(caller: Hashable) -> tuple[int, float, int, Hashable]:
            return _class_now(lines[caller][0], now_s), had_s[caller], ranks[caller], caller

        order: list[J] = []
        heads = [place(caller) for caller in lines]
        heapify(heads)
        while heads:
            caller = heads[0][-1]
            order.append(job := lines[caller].popleft())
            had_s[caller] += costs_s[job.key]
            if lines[caller]:
                heapreplace(heads, place(caller))
            else:
                heappop(heads)
        return order

    def serve(self, batch: Sequence[QueuedJob], line: Sequence[QueuedJob]) -> None:
        """Charge the callers of a batch that was taken."""
        self._level_s = min((self._had(job.caller) for job in line), default=self._level_s)
        for job in batch:
            self._had_s[job.caller] = self._had(job.caller) + self._cost_s(job.key)

    def _had(self, caller: Hashable) -> float:
        return max(self._level_s, self._had_s.get(caller, 0.0))


def _class_now(job: QueuedJob, now_s: float) -> int:
    return max(0, job.priority - int(max(0.0, now_s - job.arrived_s) / AGEING_S))
