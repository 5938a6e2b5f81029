"""Pods of the model: a queue, a device that takes the largest batch, a cache, and a way to die."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Final

import simpy

MAX_BATCH: Final = 8
CAPACITY_HZ: Final = 50.0  # of one pod, at full batches
_FIRST_S, _EACH_S = 0.02, 0.0175  # T(n) = 20 + 17.5 n ms: 160 ms for eight
_MAX_WAIT_S: Final = 1.0
_MAX_CACHED: Final = 1250  # photos: 1 GB
RESTART_S: Final = 30.0


@dataclass(slots=True, eq=False)
class PhotoRequest:
    """A request: its caller's key, its photo, and whether it kills the pod that renders it."""

    key: int
    photo: int
    arrived_s: float
    is_poison: bool = False


@dataclass(slots=True, eq=False)
class Record:
    """What became of the requests from `since_s` on.

    Attributes:
        outcomes: the number by `served`, `hit`, `refused` and `lost`, of photos without poison.
        latencies_s: of those served by a device.
        failures: refused and lost ones by key.
    """

    since_s: float
    outcomes: Counter[str] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    failures: Counter[int] = field(default_factory=Counter)

    def note(self, photo: PhotoRequest, outcome: str, now_s: float) -> None:
        """Count the outcome of a request."""
        if photo.is_poison or photo.arrived_s < self.since_s:
            return
        self.outcomes[outcome] += 1
        if outcome == "served":
            self.latencies_s.append(now_s - photo.arrived_s)
        elif outcome in {"refused", "lost"}:
            self.failures[photo.key] += 1


class Pod:
    """One pod: it refuses what would wait too long, and never waits for a fuller batch."""

    def __init__(self, env: simpy.Environment, record: Record) -> None:
        self.is_up = True
        self.num_outstanding = 0
        self.num_served = 0
        self._env = env
        self._record = record
        self._queue: list[PhotoRequest] = []
        self._cache: OrderedDict[int, None] = OrderedDict()
        self._wake = env.event()
        env.process(self._run())

    def offer(self, photo: PhotoRequest) -> bool:
        """Take a request, unless the pod is down or the photo would wait too long."""
        if not self.is_up:
            return False
        if photo.photo in self._cache:
            self._cache.move_to_end(photo.photo)
            self._record.note(photo, "hit", self._env.now)
            return True
        num_batches = math.ceil(self.num_outstanding / MAX_BATCH)
        if num_batches * _duration_s(MAX_BATCH) > _MAX_WAIT_S:
            return False
        self._queue.append(photo)
        self.num_outstanding += 1
        if not self._wake.triggered:
            self._wake.succeed()
        return True

    def _run(self) -> Generator[simpy.Event, Any, None]:
        while True:
            if not self._queue:
                self._wake = self._env.event()
                yield self._wake
            batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
            yield self._env.timeout(_duration_s(len(batch)))
            if any(photo.is_poison for photo in batch):
                yield from self._die(batch)
                continue
            self.num_outstanding -= len(batch)
            self.num_served += len(batch)
            for photo in batch:
                self._record.note(photo, "served", self._env.now)
                self._cache[photo.photo] = None
            while len(self._cache) > _MAX_CACHED:
                self._cache.popitem(last=False)

    def _die(self, batch: list[PhotoRequest]) -> Generator[simpy.Event, Any, None]:
        """Lose all requests and the cache, and come back after a restart."""
        self.is_up = False
        for photo in [*batch, *self._queue]:
            self._record.note(photo, "lost", self._env.now)
        self._queue.clear()
        self._cache.clear()
        self.num_outstanding = 0
        yield self._env.timeout(RESTART_S)
        self.is_up = True


def _duration_s(num_photos: int) -> float:
    return _FIRST_S + _EACH_S * num_photos
