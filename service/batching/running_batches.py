"""The batches that a device runs now, and when they should end."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

_STUCK_S: Final = 30.0
_STUCK_FACTOR: Final = 20.0


@dataclass(frozen=True, slots=True)
class _Span:
    since_s: float
    until_s: float


class RunningBatches:
    """What each thread of a device runs; not thread-safe.

    Args:
        max_concurrency: most batches at once.
    """

    def __init__(self, max_concurrency: int) -> None:
        self._max_concurrency = max_concurrency
        self._spans: dict[int, _Span] = {}  # by thread

    def __len__(self) -> int:
        return len(self._spans)

    def begin(self, now_s: float, takes_s: float) -> None:
        """Note that this thread runs a batch that should take so long."""
        self._spans[threading.get_ident()] = _Span(now_s, now_s + takes_s)

    def end(self) -> None:
        """Note that this thread's batch has ended."""
        del self._spans[threading.get_ident()]

    def rest_s(self, now_s: float) -> float:
        """Return the mean time left of the batches, in seconds; 0 if a thread is free."""
        if len(self._spans) < self._max_concurrency:
            return 0.0
        return sum(max(0.0, span.until_s - now_s) for span in self._spans.values()) / len(self)

    def are_stuck(self, now_s: float) -> bool:
        """Return whether a batch runs far longer than any should."""
        return any(
            now_s - span.since_s > max(_STUCK_S, _STUCK_FACTOR * (span.until_s - span.since_s))
            for span in self._spans.values()
        )
