"""Measures the lag of the event loop."""

from __future__ import annotations

import asyncio

from service.telemetry.metrics import Metrics

_PERIOD_S = 0.5


async def measure_lag(metrics: Metrics) -> None:
    """Measure, without end, how late the event loop wakes this task."""
    loop = asyncio.get_running_loop()
    while True:
        wanted_s = loop.time() + _PERIOD_S
        await asyncio.sleep(_PERIOD_S)
        metrics.event_loop_lag_s.observe(max(0.0, loop.time() - wanted_s))
