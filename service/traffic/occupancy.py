"""When space becomes free: who holds it now, and how long each is expected to keep it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_SMOOTHING: Final = 0.2  # weight of the newest measurement
_OVERDUE: Final = 0.1  # of the mean: what is left of a stay that lasts longer than the mean


@dataclass(slots=True, eq=False)
class Stay:
    """Something that is here: since when, and how much room it takes."""

    began_s: float
    amount: int = 0


class Occupancy:
    """What is here now, the oldest first; used by one thread only.

    Args:
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._present: dict[Stay, None] = {}
        self._mean_s: float | None = None

    def __len__(self) -> int:
        return len(self._present)

    def begin(self, amount: int = 0) -> Stay:
        """Note that something came that takes so much room."""
        stay = Stay(self._clock(), amount)
        self._present[stay] = None
        return stay

    def end(self, stay: Stay) -> None:
        """Note that it left; what never took any room teaches nothing."""
        del self._present[stay]
        if stay.amount:
            took_s = self._clock() - stay.began_s
            before_s = took_s if self._mean_s is None else self._mean_s
            self._mean_s = before_s + _SMOOTHING * (took_s - before_s)

    def until_free_s(self, amount: int) -> float:
        """Return when so much room will have become free, in seconds from now.

        The oldest are expected to leave first, each after the mean time. While nothing has
        left yet, half of a stay is taken to be over.
        """
        left_s = 0.0
        for stay in self._present:
            age_s = self._clock() - stay.began_s
            mean_s = 2 * age_s if self._mean_s is None else self._mean_s
            left_s = max(mean_s - age_s, _OVERDUE * mean_s)
            amount -= stay.amount
            if amount <= 0:
                break
        return left_s
