"""Work that waits until the service has time for it, as no caller waits for the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from relight.errors import ModelNotReady, Overloaded

T = TypeVar("T")

_LEAST_PAUSE_S: Final = 0.05


async def patiently(call: Callable[[], Awaitable[T]], deadline_s: float) -> T:
    """Call again for as long as the service refuses the work because it is busy.

    Args:
        call: asks for the work; a call that is refused must leave nothing behind.
        deadline_s: when there is no point any more, on the monotonic clock.

    Raises:
        Overloaded, ModelNotReady: it refuses for so long that the deadline would pass.
    """
    while True:
        try:
            return await call()
        except (Overloaded, ModelNotReady) as refusal:
            pause_s = max(_LEAST_PAUSE_S, refusal.retry_after_s)
            if time.monotonic() + pause_s >= deadline_s:
                raise
        await asyncio.sleep(pause_s)
