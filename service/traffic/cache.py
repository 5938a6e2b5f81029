"""The slider cache: stores model outputs and coalesces identical requests.

A photo editor sends one photo many times while a slider moves. The network's output depends
on the photo, the model and its light alone, so temperature, strength, fill and format are
served from it; a scene that was read depends on the photo and the model alone. Those who ask for
the same while it is being made wait for the one that is.

    get ──> stored?      hit
        ├─> running?     coalesced
        └─> run it       miss
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from cachetools import LRUCache

from relight.errors import DeadlineExceeded, Overloaded
from service.telemetry.labels import Origin

V = TypeVar("V")


@dataclass(slots=True, eq=False)
class _Flight(Generic[V]):
    """A value in the making, and the number of its waiters."""

    name: Hashable
    task: asyncio.Task[V]
    num_waiting: int = 0


class Cache(Generic[V]):
    """An LRU cache of values by key, bounded in bytes.

    Used by one event loop only.

    Args:
        max_bytes: the bound; 0 disables caching and coalescing.
        size_bytes: returns the size of a value.
    """

    def __init__(self, max_bytes: int, size_bytes: Callable[[V], int]) -> None:
        self._max_bytes = max_bytes
        self._kept: LRUCache[Hashable, V] = LRUCache(max_bytes, getsizeof=size_bytes)
        self._flights: dict[Hashable, _Flight[V]] = {}

    @property
    def enabled(self) -> bool:
        """Whether caching is enabled."""
        return self._max_bytes > 0

    @property
    def num_bytes(self) -> int:
        """Bytes stored now."""
        return int(self._kept.currsize)

    def knows(self, key: Hashable, urgency: Hashable = None) -> bool:
        """Return whether `get` would find the value or join its making."""
        return key in self._kept or (key, urgency) in self._flights

    async def get(
        self, key: Hashable, make: Callable[[], Awaitable[V]], *, urgency: Hashable = None
    ) -> tuple[V, Origin]:
        """Return the value of `key`, and its origin.

        Cancelling the last waiting call stops the making.

        Args:
            key: everything that the value depends on.
            make: makes the value; its errors are raised to all who wait for it, except
                those of time: they are the first caller's own, and another one takes over.
            urgency: only calls of the same urgency wait for each other.
        """
        if not self.enabled:
            return await make(), Origin.MISS
        if key in self._kept:
            return self._kept[key], Origin.HIT
        name = (key, urgency)
        while flight := self._flights.get(name):
            try:
                return await self._wait(flight), Origin.COALESCED
            except (DeadlineExceeded, Overloaded):
                continue
        flight = self._flights[name] = _Flight(name, asyncio.ensure_future(self._make(key, make)))
        return await self._wait(flight), Origin.MISS

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[V]]) -> V:
        value = await make()
        if key not in self._kept:
            with suppress(ValueError):  # it is larger than the cache
                self._kept[key] = value
        return value

    async def _wait(self, flight: _Flight[V]) -> V:
        flight.num_waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.num_waiting -= 1
            if not flight.num_waiting:
                flight.task.cancel()  # nothing happens if it has ended
            if flight.task.done() or not flight.num_waiting:  # no call may join it now
                self._land(flight)

    def _land(self, flight: _Flight[V]) -> None:
        if self._flights.get(flight.name) is flight:
            del self._flights[flight.name]
