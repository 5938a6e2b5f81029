"""Who is more urgent: class with ageing, then deadline."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

PATIENCE_S: Final = 5.0
AGEING_S: Final = 5.0


class Priority(IntEnum):
    """The classes of work, the more urgent one first."""

    INTERACTIVE = 0
    BULK = 1


def due_s(arrived_s: float, deadline_s: float, priority: Priority) -> float:
    """Return the time by which a caller's jobs are ordered: class with ageing, then deadline.

    A job is due at its deadline, but never later than `PATIENCE_S` after its arrival, and
    `AGEING_S` later for each class below the first. The order of two jobs never changes, and
    whoever arrives after a job is due goes behind it, so that nobody starves, whatever else
    keeps coming.
    """
    return min(deadline_s, arrived_s + PATIENCE_S) + priority * AGEING_S
