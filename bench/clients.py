"""Open-loop clients that send photos and record the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from bench.harness import photo
from bench.open_loop import MARGIN_S, arrivals


@dataclass(frozen=True, slots=True)
class Reply:
    """One request: planned and actual times in seconds of one clock, and its status."""

    planned_s: float
    ended_s: float
    status: int
    timings_ms: dict[str, float]
    retry_after_ms: float = 0.0

    @property
    def latency_ms(self) -> float:
        """Latency from the planned time of sending to the last byte of the answer."""
        return (self.ended_s - self.planned_s) * 1e3


async def ask(client: httpx.AsyncClient, body: bytes, planned_s: float, deadline_s: float) -> Reply:
    """Send one photo at its planned time; status 0 means a broken connection."""
    await asyncio.sleep(planned_s - time.monotonic())
    left_s = planned_s + deadline_s - MARGIN_S - time.monotonic()
    headers = {"X-Request-Timeout-Ms": str(max(1, round(left_s * 1e3)))}
    try:
        answer = await client.post("/relight", content=body, headers=headers)
    except httpx.TransportError:
        return Reply(planned_s, time.monotonic(), 0, {})
    ended_s = time.monotonic()
    parts = [p.split(";") for p in answer.headers.get("server-timing", "").split(", ") if p]
    timings_ms = {part[0]: float(part[1].removeprefix("dur=")) for part in parts}
    retry_ms = answer.json().get("retry_after_ms", 0.0) if answer.status_code == 503 else 0.0
    return Reply(planned_s, ended_s, answer.status_code, timings_ms, retry_ms)


async def send(
    url: str,
    rate_hz: float,
    duration_s: float,
    deadline_s: float,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> list[Reply]:
    """Send photos in open loop; all differ, so that the cache does not help."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=256)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client:
        start_s = time.monotonic() + 0.2
        bodies = [photo(seed=n) for n in range(16)]
        plan = [start_s + at_s for at_s in arrivals(rate_hz, duration_s, seed=0)]
        tasks = [
            asyncio.create_task(ask(client, bodies[n % 16], planned_s, deadline_s))
            for n, planned_s in enumerate(plan)
        ]
        if meanwhile:
            await meanwhile()
        return await asyncio.gather(*tasks)
