"""Sends a load that rises beyond a fleet's capacity, and records its metrics."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.fleet.clients import Clients
from bench.fleet.members import CAPACITY_HZ, MAX_BATCH, Fleet, fleet
from bench.open_loop import RequestOutcome, arrivals

NUM_FIRST: Final = 2
NUM_MOST: Final = 4
DEADLINE_S: Final = 3.0
CALM_S: Final = 20.0
LOW: Final = 0.6  # of the first services' capacity
HIGH: Final = 1.5
SCRAPE_S: Final = 1.0
SMOOTH_S: Final = 5.0
TARGET: Final = 1.0 * MAX_BATCH  # outstanding photos per service: a full batch

OUTSTANDING: Final = "relight_requests_outstanding"
WAIT: Final = "relight_estimated_wait_seconds"
BUSY: Final = "relight_device_busy_seconds_total"


@dataclass(slots=True)
class Ramp:
    """A rising load and its results. Times are in seconds from its start.

    Attributes:
        rise_s: duration of the rise, after CALM_S at the lowest load.
        signals: for each metric, (time, mean over the services and the last SMOOTH_S).
        outcomes: (time of the answer, outcome) of all photos.
        num_services: (time, number of services from then on).
    """

    rise_s: float
    signals: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    outcomes: list[tuple[float, RequestOutcome]] = field(default_factory=list)
    num_services: list[tuple[float, int]] = field(default_factory=list)

    def rate_hz(self, time_s: float) -> float:
        """Return the planned photos per second at a time."""
        risen = min(1.0, max(0.0, (time_s - CALM_S) / self.rise_s))
        return (LOW + (HIGH - LOW) * risen) * NUM_FIRST * CAPACITY_HZ

    def times_s(self) -> Iterator[float]:
        """Yield the arrivals: a Poisson process of the highest rate, thinned to the planned one."""
        source = random.Random(1)
        highest_hz = HIGH * NUM_FIRST * CAPACITY_HZ
        for time_s in arrivals(highest_hz, CALM_S + self.rise_s, seed=0):
            if source.random() < self.rate_hz(time_s) / highest_hz:
                yield time_s

    def passed_s(self, metric: str, threshold: float) -> float | None:
        """Return the first time at which the metric exceeds the threshold; None: never."""
        return first_above(self.signals[metric], threshold)

    @property
    def refused_s(self) -> list[float]:
        """The times of the refusals, ascending."""
        return sorted(time_s for time_s, outcome in self.outcomes if outcome.status == 503)


def first_above(values: Sequence[tuple[float, float]], threshold: float) -> float | None:
    """Return the first time whose value exceeds the threshold; None: there is none."""
    return next((time_s for time_s, value in values if value > threshold), None)


def run_ramp(rise_s: float, *, scales: bool) -> Ramp:
    """Send a rising load to two services.

    Args:
        rise_s: duration of the rise.
        scales: whether to add services, up to NUM_MOST, so that each has TARGET outstanding
            photos, as an autoscaler does with an average per pod.
    """
    ramp = Ramp(rise_s, num_services=[(0.0, NUM_FIRST)])
    with fleet(NUM_MOST, NUM_FIRST) as members:
        asyncio.run(_run(ramp, members, scales=scales))
    return ramp


async def _run(ramp: Ramp, members: Fleet, *, scales: bool) -> None:
    start_s = time.monotonic()
    clients = Clients(members.balancer.url, DEADLINE_S)
    watching = asyncio.create_task(_watch(ramp, members, start_s, scales=scales))
    errands = await clients.send(ramp.times_s())
    ramp.outcomes = [(errand.end.ended_s - start_s, errand.end) for errand in errands]
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


async def _watch(ramp: Ramp, members: Fleet, start_s: float, *, scales: bool) -> None:
    """Scrape every service each second, and add services if scaling."""
    history: list[dict[str, float]] = []
    starts: list[asyncio.Future[None]] = []
    async with httpx.AsyncClient(timeout=5) as client:
        while True:
            await asyncio.sleep(SCRAPE_S - (time.monotonic() - start_s) % SCRAPE_S)
            ops_urls = [service.ops_url for service in list(members.services.values())]
            history.append(await _scrape(client, ops_urls))
            time_s = time.monotonic() - start_s
            for name, value in _smooth(history[-round(SMOOTH_S / SCRAPE_S) - 1 :]).items():
                ramp.signals.setdefault(name, []).append((time_s, value))
            while scales and _num_wanted(ramp, len(ops_urls)) > NUM_FIRST + len(starts):
                number = NUM_FIRST + len(starts)
                starts.append(asyncio.ensure_future(asyncio.to_thread(members.start, number)))
                starts[-1].add_done_callback(
                    lambda _: ramp.num_services.append(
                        (time.monotonic() - start_s, ramp.num_services[-1][1] + 1)
                    )
                )


def _num_wanted(ramp: Ramp, num_ready: int) -> int:
    _, outstanding = ramp.signals[OUTSTANDING][-1]
    return min(NUM_MOST, math.ceil(outstanding * num_ready / TARGET))


async def _scrape(client: httpx.AsyncClient, ops_urls: list[str]) -> dict[str, float]:
    """Return the mean of each metric over the services, with its series summed per service."""
    answers = await asyncio.gather(*(client.get(f"{url}/metrics") for url in ops_urls))
    sums = dict.fromkeys((OUTSTANDING, WAIT, BUSY), 0.0)
    for answer in answers:
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                if sample.name in sums:
                    sums[sample.name] += sample.value
    return {name: value / len(ops_urls) for name, value in sums.items()}


def _smooth(history: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the means of the gauges and the counter's rate over the last scrapes."""
    recent = history[1:] or history
    means = {name: sum(now[name] for now in recent) / len(recent) for name in (OUTSTANDING, WAIT)}
    busy_s = history[-1][BUSY] - history[0][BUSY]
    return means | {BUSY: max(0.0, busy_s) / max(1, len(history) - 1) / SCRAPE_S}
