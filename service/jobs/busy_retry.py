"""Repeats the work of a job while the service is too busy for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from relight.errors import ModelNotReady, Overloaded

T = TypeVar("T")

_LEAST_PAUSE_S: Final = 0.05


async def retry_while_busy(call: Callable[[], Awaitable[T]], deadline_s: float) -> T:
    """Repeat a call for as long as the service refuses it because it is busy.

    Args:
        call: requests the work; a refused call must have no effect.
        deadline_s: time on the monotonic clock after which the work is of no use.

    Raises:
        Overloaded, ModelNotReady: still refused, and the next try would come after the deadline.
    """
    while True:
        try:
            return await call()
        except (Overloaded, ModelNotReady) as refusal:
            pause_s = max(_LEAST_PAUSE_S, refusal.retry_after_s)
            if time.monotonic() + pause_s >= deadline_s:
                raise
        await asyncio.sleep(pause_s)
