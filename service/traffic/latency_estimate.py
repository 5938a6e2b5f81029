"""How long something takes at most, as far as one can tell: its mean and how far it strays."""

from __future__ import annotations

from typing import Final

_MEAN_SMOOTHING: Final = 1 / 8
_DEVIATION_SMOOTHING: Final = 1 / 4
_NUM_DEVIATIONS: Final = 4


class LatencyEstimate:
    """Mean and mean deviation, kept as TCP keeps those of its round trips (RFC 6298)."""

    def __init__(self) -> None:
        self._mean_s: float | None = None
        self._deviation_s = 0.0

    def observe(self, duration_s: float) -> None:
        """Learn that it took so long this time."""
        if self._mean_s is None:
            self._mean_s = duration_s
        error_s = duration_s - self._mean_s
        self._mean_s += _MEAN_SMOOTHING * error_s
        self._deviation_s += _DEVIATION_SMOOTHING * (abs(error_s) - self._deviation_s)

    @property
    def most_s(self) -> float:
        """What it seldom takes longer than; 0 while nothing is known."""
        return (self._mean_s or 0.0) + _NUM_DEVIATIONS * self._deviation_s
