"""Who is more urgent: class with ageing, then deadline; and callers take turns."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

PATIENCE_S: Final = 5.0
AGEING_S: Final = 5.0
ROUND_S: Final = 0.25


class Priority(IntEnum):
    """The classes of work, the more urgent one first."""

    INTERACTIVE = 0
    BULK = 1


def due_s(arrived_s: float, deadline_s: float, priority: Priority) -> float:
    """Return the time by which jobs are ordered: class with ageing, then deadline.

    A job is due at its deadline, but never later than `PATIENCE_S` after its arrival, and
    `AGEING_S` later for each class below the first. The order of two jobs never changes, and
    whoever arrives after a job is due goes behind it, so that nobody starves, whatever else
    keeps coming.
    """
    return min(deadline_s, arrived_s + PATIENCE_S) + priority * AGEING_S


def turn_s(due_s: float, round_number: int) -> float:
    """Return the time by which the queue is really ordered: callers take turns.

    Every job of the same caller that is due before counts as `ROUND_S`, up to one class. So a
    caller's own jobs keep their order, the first of each caller compete by due time, and
    whoever floods the queue waits behind its own jobs, not in front of the others'.
    """
    return due_s + min(round_number * ROUND_S, AGEING_S)
