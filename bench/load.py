"""Load in open loop: requests leave when planned, however slow the answers are.

    python bench/load.py photo.jpg --rate 5 --duration 30 --timeout-ms 2000

Latency counts from the planned time of sending, so that a server that stalls cannot hide
the requests that it kept from being sent. Goodput counts the answers within the deadline.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request ended: its HTTP status (0: no answer) and its latency in seconds."""

    status: int
    latency_s: float


def arrivals(rate_hz: float, duration_s: float, seed: int) -> Iterator[float]:
    """Give the times of a Poisson process, in seconds from its start."""
    source = random.Random(seed)
    time_s = source.expovariate(rate_hz)
    while time_s < duration_s:
        yield time_s
        time_s += source.expovariate(rate_hz)


async def ask(
    client: httpx.AsyncClient, url: str, photo: bytes, timeout_ms: int, planned_s: float
) -> Outcome:
    """Send one request at its planned time."""
    await asyncio.sleep(planned_s - time.monotonic())
    try:
        answer = await client.post(
            url, content=photo, headers={"X-Request-Timeout-Ms": str(timeout_ms)}
        )
    except httpx.TransportError:
        return Outcome(0, time.monotonic() - planned_s)
    return Outcome(answer.status_code, time.monotonic() - planned_s)


async def load(arguments: argparse.Namespace) -> list[Outcome]:
    """Send the whole load; return the outcomes."""
    photo = arguments.photo.read_bytes()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=256)
    async with httpx.AsyncClient(limits=limits, timeout=2 * arguments.timeout_ms / 1e3) as client:
        start_s = time.monotonic() + 0.1
        plan = arrivals(arguments.rate, arguments.duration, arguments.seed)
        return await asyncio.gather(
            *(
                ask(client, arguments.url, photo, arguments.timeout_ms, start_s + time_s)
                for time_s in plan
            )
        )


def report(outcomes: list[Outcome], duration_s: float, timeout_s: float) -> str:
    """Return the figures as a Markdown table."""
    served = sorted(outcome.latency_s for outcome in outcomes if outcome.status == 200)
    good = sum(latency_s <= timeout_s for latency_s in served)
    others = Counter(outcome.status for outcome in outcomes if outcome.status != 200)
    rows = [
        ("offered", f"{len(outcomes) / duration_s:.2f} /s"),
        ("goodput", f"{good / duration_s:.2f} /s"),
        ("served late", str(len(served) - good)),
        *((f"status {status}" if status else "no answer", str(n)) for status, n in others.items()),
    ]
    for share in (0.5, 0.9, 0.99):
        if served:
            latency_s = served[min(len(served) - 1, int(share * len(served)))]
            rows.append((f"p{share * 100:.0f} of served", f"{latency_s * 1e3:.0f} ms"))
    lines = ["| figure | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join(lines)


def main() -> None:
    """Read the command line, send the load, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000/relight")
    parser.add_argument("--rate", type=float, default=1.0, help="requests a second")
    parser.add_argument("--duration", type=float, default=30.0, help="seconds")
    parser.add_argument("--timeout-ms", type=int, default=10_000, help="deadline of a request")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    outcomes = asyncio.run(load(arguments))
    print(report(outcomes, arguments.duration, arguments.timeout_ms / 1e3))


if __name__ == "__main__":
    main()
