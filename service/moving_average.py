"""An exponentially weighted moving average."""

from __future__ import annotations


class MovingAverage:
    """The average of measurements, in which the weight of each decays with every newer one.

    Args:
        weight: weight of the newest measurement, 0 to 1.

    Attributes:
        value: the average; None before the first measurement.
    """

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self.value: float | None = None

    def observe(self, measured: float) -> None:
        """Record a measurement."""
        before = measured if self.value is None else self.value
        self.value = before + self._weight * (measured - before)
