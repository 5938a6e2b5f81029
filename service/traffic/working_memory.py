"""Bounds the memory that jobs take only while they run: decoders, encoders, and their copies."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class WorkingMemory:
    """A bound on what running jobs take together; those that find too little wait in order.

    Args:
        max_bytes: the bound. A job that alone passes it runs alone.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._num_bytes = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def num_bytes(self) -> int:
        """Bytes taken now."""
        return self._num_bytes

    @contextmanager
    def taken(self, num_bytes: int) -> Iterator[None]:
        """Take so many bytes for a block, on the thread that runs it."""
        place = object()
        with self._changed:
            self._waiting.append(place)
            self._changed.wait_for(lambda: self._waiting[0] is place and self._has(num_bytes))
            self._waiting.popleft()
            self._num_bytes += num_bytes
            self._changed.notify_all()  # there may be enough for the next one
        try:
            yield
        finally:
            with self._changed:
                self._num_bytes -= num_bytes
                self._changed.notify_all()

    def _has(self, num_bytes: int) -> bool:
        return not self._num_bytes or self._num_bytes + num_bytes <= self.max_bytes
