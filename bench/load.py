"""Open-loop load generator: requests are sent when planned, however slow the answers are.

    python -m bench.load photo.jpg --rate 1 2 4 8 --duration 30 --timeout-ms 2000 --plot load.svg

Latency counts from the planned time of sending, so that a stalled server cannot hide delayed
requests. Goodput counts the answers within the deadline. A client reserves 50 ms of its deadline
for the network. Several rates run one after another, and a plot shows latency and goodput over
them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

MARGIN_S = 0.05
SHARES = (0.5, 0.9, 0.95, 0.99)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Outcome:
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
) -> Outcome:
    """Send one request now, with a deadline `deadline_s` after its planned time."""
    left_s = planned_s + deadline_s - MARGIN_S - time.monotonic()
    headers = {"X-Request-Timeout-Ms": str(max(1, round(left_s * 1e3)))}
    try:
        answer = await client.post(url, content=photo, headers=headers)
    except httpx.TransportError:
        return Outcome(planned_s, time.monotonic(), 0)
    wait = answer.headers.get("retry-after")
    return Outcome(
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


def summarise(outcomes: Sequence[Outcome], duration_s: float, deadline_s: float) -> Summary:
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


async def load(arguments: argparse.Namespace, rate_hz: float) -> Summary:
    """Send a load of one rate."""
    photo, deadline_s = arguments.photo.read_bytes(), arguments.timeout_ms / 1e3
    async with new_client(deadline_s) as client:

        async def send(_: int, planned_s: float) -> Outcome:
            return await ask(client, arguments.url, photo, deadline_s, planned_s)

        times_s = arrivals(rate_hz, arguments.duration, arguments.seed)
        outcomes = await in_open_loop(send, times_s)
    return summarise(outcomes, arguments.duration, deadline_s)


def main() -> None:
    """Read the command line, send the loads, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000/relight")
    parser.add_argument(
        "--rate",
        type=float,
        nargs="+",
        default=[1.0],
        help="requests per second; several run in sequence",
    )
    parser.add_argument("--duration", type=float, default=30.0, help="seconds per rate")
    parser.add_argument(
        "--timeout-ms", type=int, default=10_000, help="deadline of each request, in ms"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="output file: .svg, .png or .pdf")
    arguments = parser.parse_args()
    summaries = [asyncio.run(load(arguments, rate_hz)) for rate_hz in arguments.rate]
    print(f"Load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} CPUs.\n")
    print(table(summaries))
    if arguments.plot:
        # Not at the top: bench.promises needs no plots.
        from bench.drawing import load_curve  # noqa: PLC0415

        load_curve(summaries, arguments.timeout_ms / 1e3, arguments.plot)


if __name__ == "__main__":
    main()
