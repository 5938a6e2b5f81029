"""Bounds the memory that all requests hold together.

A request never waits for memory: without enough, it is refused at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from relight.errors import ServerFull
from service.traffic.occupancy import Occupancy


class ByteBudget:
    """The memory budget of all requests; used by the event loop only.

    Args:
        max_bytes: the bound.
        clock: a monotonic clock, in seconds.

    Attributes:
        max_bytes: the bound.
        occupancy: the holders, their sizes and durations.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_bytes = max_bytes
        self._num_bytes = 0
        self.occupancy = Occupancy(clock)

    @property
    def num_bytes(self) -> int:
        """Bytes held now."""
        return self._num_bytes

    def open(self) -> Holding:
        """Return an empty account for one request."""
        return Holding(self)

    def take(self, num_bytes: int) -> None:
        """Add bytes to the total.

        Raises:
            ServerFull: the total would exceed the bound.
        """
        missing = self._num_bytes + num_bytes - self.max_bytes
        if missing > 0:
            raise ServerFull(
                f"{num_bytes} bytes more would exceed the {self.max_bytes} that all requests "
                "together may hold",
                retry_after_s=self.occupancy.until_free_s(missing),
            )
        self._num_bytes += num_bytes

    def give_back(self, num_bytes: int) -> None:
        """Subtract bytes from the total."""
        self._num_bytes -= num_bytes


class Holding:
    """The share of one request; a context manager that returns it at the end."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._stay = budget.occupancy.begin()

    @property
    def max_bytes(self) -> int:
        """The most that all requests may hold together."""
        return self._budget.max_bytes

    def grow_to(self, num_bytes: int) -> None:
        """Hold at least this number of bytes.

        Raises:
            ServerFull: the budget has too few bytes left.
        """
        if num_bytes > self._stay.amount:
            self._budget.take(num_bytes - self._stay.amount)
            self._stay.amount = num_bytes

    def shrink_to(self, num_bytes: int) -> None:
        """Hold no more than so many bytes."""
        if num_bytes < self._stay.amount:
            self._budget.give_back(self._stay.amount - num_bytes)
            self._stay.amount = num_bytes

    def close(self) -> None:
        """Give back all of it; the account is of no use any more."""
        self._budget.give_back(self._stay.amount)
        self._budget.occupancy.end(self._stay)

    def __enter__(self) -> Holding:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
