"""Estimates an upper bound of a duration from its mean and deviation."""

from __future__ import annotations

from typing import Final

_MEAN_SMOOTHING: Final = 1 / 8
_DEVIATION_SMOOTHING: Final = 1 / 4
_NUM_DEVIATIONS: Final = 4


class LatencyEstimate:
    """Mean and mean deviation, updated as TCP updates its round-trip times (RFC 6298)."""

    def __init__(self) -> None:
        self._mean_s: float | None = None
        self._deviation_s = 0.0

    def observe(self, duration_s: float) -> None:
        """Record one duration, in seconds."""
        if self._mean_s is None:
            self._mean_s = duration_s
        error_s = duration_s - self._mean_s
        self._mean_s += _MEAN_SMOOTHING * error_s
        self._deviation_s += _DEVIATION_SMOOTHING * (abs(error_s) - self._deviation_s)

    @property
    def most_s(self) -> float:
        """A duration that is rarely exceeded, in seconds; 0 before the first record."""
        return (self._mean_s or 0.0) + _NUM_DEVIATIONS * self._deviation_s
