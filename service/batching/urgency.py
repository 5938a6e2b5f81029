"""Orders jobs by urgency: class with ageing, then deadline."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

PATIENCE_S: Final = 5.0
AGEING_S: Final = 5.0


class Priority(IntEnum):
    """The classes of work, the most urgent first."""

    INTERACTIVE = 0
    BULK = 1


def due_s(arrived_s: float, deadline_s: float, priority: Priority) -> float:
    """Return the time by which a caller's jobs are ordered: class with ageing, then deadline.

    A job is due at its deadline, but never later than `PATIENCE_S` after its arrival, and
    `AGEING_S` later for each class below the first. The order of two jobs never changes, and a
    job that arrives after another one is due goes behind it, so no job starves.
    """
    return min(deadline_s, arrived_s + PATIENCE_S) + priority * AGEING_S
