from __future__ import annotations

import asyncio

from service.telemetry.heap_trim import trim_heap, trim_when_idle


async def test_the_heap_is_trimmed_once_after_each_time_of_work():
    in_flight, trims, turns = [5, 0, 0, 0, 0, 0, 0, 7, 7, 0, 0, 0, 0, 0], [], asyncio.Event()

    def look() -> int:
        if not in_flight:
            turns.set()
            return 1
        return in_flight.pop(0)

    task = asyncio.create_task(
        trim_when_idle(look, period_s=0, trim=lambda: trims.append(len(in_flight)))
    )
    await turns.wait()
    task.cancel()
    assert trims == [10, 2]  # three quiet looks after the work, and not again


def test_glibc_can_trim():
    assert trim_heap()
