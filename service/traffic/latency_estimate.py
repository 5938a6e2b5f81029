"""Estimates an upper bound of a duration from its mean and deviation."""

from __future__ import annotations

from typing import Final

from service.moving_average import MovingAverage

_MEAN_WEIGHT: Final = 1 / 8
_DEVIATION_WEIGHT: Final = 1 / 4
_NUM_DEVIATIONS: Final = 4


class LatencyEstimate:
    """Mean and mean deviation, updated as TCP updates its round-trip times (RFC 6298)."""

    def __init__(self) -> None:
        self._mean_s = MovingAverage(_MEAN_WEIGHT)
        self._deviation_s = MovingAverage(_DEVIATION_WEIGHT)

    def observe(self, duration_s: float) -> None:
        """Record one duration, in seconds."""
        expected_s = duration_s if self._mean_s.value is None else self._mean_s.value
        self._mean_s.observe(duration_s)
        self._deviation_s.observe(abs(duration_s - expected_s))

    @property
    def most_s(self) -> float:
        """A duration that is rarely exceeded, in seconds; 0 before the first record."""
        return (self._mean_s.value or 0.0) + _NUM_DEVIATIONS * (self._deviation_s.value or 0.0)
