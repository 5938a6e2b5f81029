"""Sends requests in open loop: each when planned, however slow the answers are.

Latency counts from the planned time of sending, so that a stalled server cannot hide delayed
requests. Goodput counts the answers within the deadline. A client reserves 50 ms of its deadline
for the network.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

MARGIN_S = 0.05  # what a client subtracts from its deadline, for the network
SHARES = (0.5, 0.9, 0.95, 0.99)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """The outcome of one request.

    Attributes:
        planned_s, ended_s: planned time and time of the answer, on the monotonic clock.
        status: HTTP status; 0 without an answer.
        retry_after_s: the answer's `Retry-After`.
        body: body of an answer with status 200.
    """

    planned_s: float
    ended_s: float
    status: int
    retry_after_s: float | None = None
    body: bytes = b""

    @property
    def latency_s(self) -> float:
        """Latency from the planned time to the answer."""
        return self.ended_s - self.planned_s


@dataclass(frozen=True, slots=True)
class Summary:
    """The results of a load: rates in 1/s, and quantiles of the latency of served requests."""

    offered_hz: float
    goodput_hz: float
    num_late: int
    failures: Counter[int]
    latencies_s: dict[float, float]


def arrivals(rate_hz: float, duration_s: float, seed: int) -> Iterator[float]:
    """Yield the times of a Poisson process, in seconds from its start."""
    source = random.Random(seed)
    time_s = source.expovariate(rate_hz)
    while time_s < duration_s:
        yield time_s
        time_s += source.expovariate(rate_hz)


async def in_open_loop(
    ask: Callable[[int, float], Coroutine[Any, Any, _T]],
    times_s: Iterable[float],
    stop: asyncio.Event | None = None,
) -> list[_T]:
    """Call `ask(number, planned_s)` at each of the times, whatever the earlier outcomes.

    Args:
        ask: sends one request.
        times_s: times in seconds from now, ascending.
        stop: ends the load early.
    """
    start_s = time.monotonic()
    tasks: list[asyncio.Task[_T]] = []
    async with asyncio.TaskGroup() as group:
        for number, time_s in enumerate(times_s):
            await asyncio.sleep(start_s + time_s - time.monotonic())
            if stop is not None and stop.is_set():
                break
            tasks.append(group.create_task(ask(number, start_s + time_s)))
    return [task.result() for task in tasks]


async def ask(
    client: httpx.AsyncClient, url: str, photo: bytes, deadline_s: float, planned_s: float
) -> RequestOutcome:
    """Send one request now, with a deadline `deadline_s` after its planned time."""
    left_s = planned_s + deadline_s - MARGIN_S - time.monotonic()
    headers = {"X-Request-Timeout-Ms": str(max(1, round(left_s * 1e3)))}
    try:
        answer = await client.post(url, content=photo, headers=headers)
    except httpx.TransportError:
        return RequestOutcome(planned_s, time.monotonic(), 0)
    wait = answer.headers.get("retry-after")
    return RequestOutcome(
        planned_s,
        time.monotonic(),
        answer.status_code,
        float(wait) if wait else None,
        answer.content if answer.status_code == 200 else b"",
    )


def new_client(deadline_s: float) -> httpx.AsyncClient:
    """Return a client that opens as many connections as the load needs."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=256)
    return httpx.AsyncClient(limits=limits, timeout=2 * deadline_s + 5)


def summarise(outcomes: Sequence[RequestOutcome], duration_s: float, deadline_s: float) -> Summary:
    """Return the figures of a load that was planned over `duration_s`.

    Goodput excludes the beginning, in which queues fill, and answers after the end.
    """
    served = [o for o in outcomes if o.status == 200]
    good = [o for o in served if o.latency_s <= deadline_s]
    start_s = min((o.planned_s for o in outcomes), default=0.0)
    fill_s = min(deadline_s, duration_s / 2)
    num_steady = sum(start_s + fill_s <= o.ended_s <= start_s + duration_s for o in good)
    return Summary(
        offered_hz=len(outcomes) / duration_s,
        goodput_hz=num_steady / (duration_s - fill_s),
        num_late=len(served) - len(good),
        failures=Counter(o.status for o in outcomes if o.status != 200),
        latencies_s={s: quantile([o.latency_s for o in served], s) for s in SHARES if served},
    )


def quantile(values: Sequence[float], share: float) -> float:
    """Return the quantile: this share of the values does not exceed it."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def table(summaries: Sequence[Summary]) -> str:
    """Return the figures as a Markdown table, one row per load."""
    lines = [
        "| offered /s | goodput /s | late | refused or failed | p50 ms | p90 ms | p99 ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for summary in summaries:
        names = [f"{n} x {status or 'no answer'}" for status, n in summary.failures.items()]
        shown = [summary.latencies_s.get(share) for share in (0.5, 0.9, 0.99)]
        latencies = ["" if shown_s is None else f"{shown_s * 1e3:.0f}" for shown_s in shown]
        cells = [
            f"{summary.offered_hz:.2f}",
            f"{summary.goodput_hz:.2f}",
            str(summary.num_late),
            ", ".join(names) or "0",
            *latencies,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
