"""Cancels work when its deadline passes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from relight.errors import DeadlineExceeded


@asynccontextmanager
async def until(deadline_s: float) -> AsyncIterator[None]:
    """Cancel the block at `deadline_s`, on the monotonic clock.

    Raises:
        DeadlineExceeded: the deadline has passed.
    """
    try:
        async with asyncio.timeout(deadline_s - time.monotonic()) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise _too_late() from None
    if time.monotonic() > deadline_s:  # the event loop was too busy to cancel in time
        raise _too_late()


def _too_late() -> DeadlineExceeded:
    return DeadlineExceeded("the deadline passed before the answer was ready")
