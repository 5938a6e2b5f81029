"""A bound on the bytes that all requests hold together: many large ones cannot fill the memory.

Nothing waits for room: whoever finds none is refused at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from relight.errors import ServerFull
from service.traffic.occupancy import Occupancy


class ByteBudget:
    """Bytes that requests may hold at one time; used by the event loop only.

    Args:
        max_bytes: the bound.
        clock: a monotonic clock, in seconds.

    Attributes:
        max_bytes: the bound.
        occupancy: who holds how much, and for how long.
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
        """Return an account, empty yet, for one request."""
        return Holding(self)

    def take(self, num_bytes: int) -> None:
        """Hold so many bytes more.

        Raises:
            ServerFull: together they would pass the bound.
        """
        missing = self._num_bytes + num_bytes - self.max_bytes
        if missing > 0:
            raise ServerFull(
                f"{num_bytes} bytes more would pass the {self.max_bytes} that all requests "
                "together may hold",
                retry_after_s=self.occupancy.until_free_s(missing),
            )
        self._num_bytes += num_bytes

    def give_back(self, num_bytes: int) -> None:
        """Hold so many bytes less."""
        self._num_bytes -= num_bytes


class Holding:
    """What one request holds of a budget; a context manager that gives all of it back."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._stay = budget.occupancy.begin()

    @property
    def max_bytes(self) -> int:
        """The most that all requests may hold together."""
        return self._budget.max_bytes

    def grow_to(self, num_bytes: int) -> None:
        """Hold at least so many bytes.

        Raises:
            ServerFull: there is no room for them.
        """
        if num_bytes > self._stay.amount:
            self._budget.take(num_bytes - self._stay.amount)
            self._stay.amount = num_bytes

    def shrink_to(self, num_bytes: int) -> None:
        """Hold no more than so many bytes."""
        if num_bytes < self._stay.amount:
            self._budget.give_back(self._stay.amount - num_bytes)
            self._stay.amount = num_bytes

    def __enter__(self) -> Holding:
        return self

    def __exit__(self, *exception: object) -> None:
        self._budget.give_back(self._stay.amount)
        self._budget.occupancy.end(self._stay)
