"""Gives memory back to the system after a burst.

glibc keeps what was freed: after a burst of 12-megapixel photos the process holds several times
what it needs at rest. Trimming walks the whole heap, so it is done once nothing is in flight.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Callable
from typing import Final

_PERIOD_S: Final = 1.0
_QUIET_PERIODS: Final = 3


def trim_heap() -> bool:
    """Return free memory to the system; whether the C library can do so.

    Exceptions hold frames, frames hold pixels, and some make cycles: they go first.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:  # not glibc
        return False
    trim(0)
    return True


async def trim_when_idle(
    num_bytes_in_flight: Callable[[], int],
    *,
    period_s: float = _PERIOD_S,
    trim: Callable[[], object] = trim_heap,
) -> None:
    """Trim, for ever, once after each time of work.

    Args:
        num_bytes_in_flight: what requests hold; 0 while there are none.
        period_s: how often to look.
        trim: gives the memory back; run on a thread.
    """
    num_quiet, is_due = 0, True
    while True:
        await asyncio.sleep(period_s)
        if num_bytes_in_flight():
            num_quiet, is_due = 0, True
            continue
        num_quiet += 1
        if is_due and num_quiet >= _QUIET_PERIODS:
            await asyncio.to_thread(trim)
            is_due = False
