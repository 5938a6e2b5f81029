"""Estimates when space becomes free, from its holders and their mean stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.moving_average import MovingAverage

_WEIGHT: Final = 0.2  # of the newest stay
_OVERDUE: Final = 0.1  # share of the mean: expected rest of a stay that exceeds the mean


@dataclass(slots=True, eq=False)
class Stay:
    """One holder: its arrival and its size."""

    began_s: float
    amount: int = 0


class Occupancy:
    """The current holders, the oldest first; used by one thread only.

    Args:
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._present: dict[Stay, None] = {}
        self._mean_s = MovingAverage(_WEIGHT)

    def __len__(self) -> int:
        return len(self._present)

    def begin(self, amount: int = 0) -> Stay:
        """Record an arrival of the given size."""
        stay = Stay(self._clock(), amount)
        self._present[stay] = None
        return stay

    def end(self, stay: Stay) -> None:
        """Record a departure; a holder of size 0 does not count."""
        del self._present[stay]
        if stay.amount:
            self._mean_s.observe(self._clock() - stay.began_s)

    def until_free_s(self, amount: int) -> float:
        """Return the expected time until the given size is free, in seconds.

        The oldest are expected to leave first, each after the mean time. Before the first
        departure, half of each stay is assumed to be over.
        """
        left_s = 0.0
        for stay in self._present:
            age_s = self._clock() - stay.began_s
            mean_s = 2 * age_s if self._mean_s.value is None else self._mean_s.value
            left_s = max(mean_s - age_s, _OVERDUE * mean_s)
            amount -= stay.amount
            if amount <= 0:
                break
        return left_s
