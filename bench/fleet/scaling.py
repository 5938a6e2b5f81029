"""Measures how the fleet scales at constant latency, and the cost of balancer and connection."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from bench.fleet.clients import NUM_PHOTOS, Clients, photo_of
from bench.fleet.members import CAPACITY_HZ, Fleet, fleet
from bench.fleet.tables import Table
from bench.open_loop import Summary, arrivals, quantile, summarise

NUM_SERVICES: Final = (1, 2, 3, 4)
DEADLINE_S: Final = 2.0
CALM: Final = 0.7  # share of the capacity for comparing latency
OVERLOAD: Final = 1.5  # and for comparing goodput
LOADS: Final = (0.3, 0.5, CALM, 0.85, 1.0, OVERLOAD)


@dataclass(frozen=True, slots=True)
class LoadStep:
    """One load on one fleet.

    Attributes:
        summary: its results.
        cores: CPU time over wall time of the client, the balancer, and all services together.
    """

    summary: Summary
    cores: tuple[float, float, float]


def scaling(duration_s: float, plots: Path | None) -> Table:
    """One to four services, from 30 % to 150 % of their capacity, deadlines of 2 s."""
    steps: dict[int, dict[float, LoadStep]] = {}
    for num_services in NUM_SERVICES:
        with fleet(num_services, num_services) as members:
            steps[num_services] = {
                share: _measure(members, share * num_services * CAPACITY_HZ, duration_s)
                for share in LOADS
            }
    if plots:
        # Not at the top: only a plot needs Matplotlib.
        from bench.fleet.plots import scaling_plot  # noqa: PLC0415

        curves = {n: [step.summary for step in by.values()] for n, by in steps.items()}
        scaling_plot(curves, CAPACITY_HZ, DEADLINE_S, plots / "fleet-scaling.svg")
    one_hz = steps[1][OVERLOAD].summary.goodput_hz
    return [
        (
            "services",
            f"p50, p95 at {CALM:.0%}",
            f"goodput at {OVERLOAD:.0%}",
            "of the engines' capacity",
            "of one service",
            "cores: client, balancer, services",
        ),
        *(_row(num_services, by, one_hz) for num_services, by in steps.items()),
    ]


def _row(num_services: int, steps: dict[float, LoadStep], one_hz: float) -> tuple[str, ...]:
    calm, overload = steps[CALM].summary, steps[OVERLOAD]
    goodput_hz = overload.summary.goodput_hz
    return (
        str(num_services),
        ", ".join(f"{calm.latencies_s[share] * 1e3:.0f} ms" for share in (0.5, 0.95)),
        f"{goodput_hz:.1f} /s",
        f"{goodput_hz / (num_services * CAPACITY_HZ):.1%}",
        f"{goodput_hz / one_hz:.2f} x",
        ", ".join(f"{cores:.2f}" for cores in overload.cores),
    )


def _measure(members: Fleet, rate_hz: float, duration_s: float) -> LoadStep:
    def used_s() -> tuple[float, float, float]:
        services_s = sum(service.cpu_s() for service in members.services.values())
        return time.process_time(), members.balancer.cpu_s(), services_s

    clients = Clients(members.balancer.url, DEADLINE_S)
    start_s, before_s = time.monotonic(), used_s()
    errands = asyncio.run(clients.send(arrivals(rate_hz, duration_s, seed=0)))
    wall_s = time.monotonic() - start_s
    client, balancer, services = ((b - a) / wall_s for a, b in zip(before_s, used_s(), strict=True))
    outcomes = [errand.end for errand in errands]
    return LoadStep(summarise(outcomes, duration_s, DEADLINE_S), (client, balancer, services))


def way(_: float, __: Path | None) -> Table:
    """One photo at a time, alternately directly to the only service and through the balancer."""
    num_photos = 100
    with fleet(1, 1, "20+20n") as members, httpx.Client(timeout=30) as client:
        urls = {"straight": members.services[0].url, "balanced": members.balancer.url}
        took_s: dict[str, list[float]] = {name: [] for name in urls}
        inside_s: list[float] = []
        for number in range(num_photos):
            for name, url in urls.items():
                start_s = time.monotonic()
                answer = client.post(f"{url}/relight", content=photo_of(number % NUM_PHOTOS))
                took_s[name].append(time.monotonic() - start_s)
                inside_s.append(_total_s(answer))
    straight_ms, balanced_ms = (quantile(took_s[name], 0.5) * 1e3 for name in urls)
    inside_ms = quantile(inside_s, 0.5) * 1e3
    return [
        ("p50", "measured"),
        ("inside the service, inference of 40 ms included", f"{inside_ms:.1f} ms"),
        ("client and connection", f"{straight_ms - inside_ms:.1f} ms"),
        ("balancer", f"{balanced_ms - straight_ms:.1f} ms"),
        ("seen by the client", f"{balanced_ms:.1f} ms"),
    ]


def _total_s(answer: httpx.Response) -> float:
    answer.raise_for_status()
    parts = answer.headers["server-timing"].split(", ")
    return next(float(p.partition("dur=")[2]) / 1e3 for p in parts if p.startswith("total;"))
