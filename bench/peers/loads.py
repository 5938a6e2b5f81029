"""The loads that each server gets, and what is measured of it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from bench.open_loop import (
    MARGIN_S,
    RequestOutcome,
    arrivals,
    in_open_loop,
    new_client,
    summarise,
)
from bench.peers.server import PeerServer

AZIMUTH_DEG: Final = 90.0
DEADLINE_S: Final = 1.0
NUM_LIGHTS: Final = 20
_TIMEOUT_S: Final = 120.0
_WARM_S: Final = 1.0
_SETTLING_S: Final = 2.0  # of an open loop, until its queue is as long as it gets
_ENERGY_UJ: Final = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


@dataclass(frozen=True, slots=True)
class Throughput:
    """Figures of a closed loop; energy is None where the machine does not say it.

    Attributes:
        images_hz: photos a second.
        cpu_s: CPU seconds a photo, of all processes of the server.
        energy_j: energy a photo, of the whole processor package.
        peak_bytes: most memory of the server.
        num_failed: answers other than 200.
    """

    images_hz: float
    cpu_s: float
    energy_j: float | None
    peak_bytes: int
    num_failed: int


def closed_loop(
    server: PeerServer, photos: Sequence[bytes], num_connections: int, duration_s: float
) -> Throughput:
    """Keep each connection busy: the next photo is sent when the last one is answered."""
    return asyncio.run(_closed_loop(server, photos, num_connections, duration_s))


async def _closed_loop(
    server: PeerServer, photos: Sequence[bytes], num_connections: int, duration_s: float
) -> Throughput:
    bodies = itertools.cycle(photos)
    answered: list[float] = []
    failed: list[float] = []
    end_s = time.monotonic() + _WARM_S + duration_s

    async def keep_asking(client: httpx.AsyncClient) -> None:
        while time.monotonic() < end_s:
            status = await _post(client, server, next(bodies), AZIMUTH_DEG)
            (answered if status == 200 else failed).append(time.monotonic())

    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
        callers = [asyncio.create_task(keep_asking(client)) for _ in range(num_connections)]
        await asyncio.sleep(_WARM_S)
        before = _Reading.now(server)
        num_before = len(answered)
        peak_bytes = 0
        while time.monotonic() < end_s:
            peak_bytes = max(peak_bytes, server.memory_bytes())
            await asyncio.sleep(min(1.0, max(0.0, end_s - time.monotonic())))
        await asyncio.gather(*callers)  # what is in flight counts, with its time
        spent = _Reading.now(server).since(before)
    num_served = len(answered) - num_before
    return spent.throughput(num_served, max(1, num_served), peak_bytes, len(failed))


def open_loop(
    server: PeerServer, photos: Sequence[bytes], rate_hz: float, duration_s: float, seed: int
) -> list[float]:
    """Send photos at a rate, whatever the answers; return the latencies of those served, in s.

    The first two seconds, in which the queue fills, do not count.
    """
    outcomes = asyncio.run(_open_loop(server, photos, rate_hz, duration_s, seed))
    return [outcome.latency_s for outcome in outcomes if outcome.status == 200]


def goodput(
    server: PeerServer, photos: Sequence[bytes], rate_hz: float, duration_s: float, seed: int
) -> float:
    """Return how many photos a second are answered within `DEADLINE_S` of their planned time.

    A client that has waited so long hangs up, as one with a user before it does. It names the time
    that is left to the server, without what the network takes.
    """
    outcomes = asyncio.run(
        _open_loop(server, photos, rate_hz, duration_s, seed, deadline_s=DEADLINE_S)
    )
    return summarise(outcomes, duration_s, DEADLINE_S).goodput_hz


async def _open_loop(
    server: PeerServer,
    photos: Sequence[bytes],
    rate_hz: float,
    duration_s: float,
    seed: int,
    *,
    deadline_s: float | None = None,
) -> list[RequestOutcome]:
    async with new_client(_TIMEOUT_S) as client:

        async def ask(number: int, planned_s: float) -> RequestOutcome:
            photo = photos[number % len(photos)]
            left_s = None if deadline_s is None else planned_s + deadline_s - time.monotonic()
            try:
                async with asyncio.timeout(left_s):
                    status = await _post(client, server, photo, AZIMUTH_DEG, left_s)
            except TimeoutError:
                status = 0
            return RequestOutcome(planned_s, time.monotonic(), status)

        begin_s = time.monotonic() + _SETTLING_S
        outcomes = await in_open_loop(ask, arrivals(rate_hz, _SETTLING_S + duration_s, seed))
    return [outcome for outcome in outcomes if outcome.planned_s >= begin_s]


def many_lights(server: PeerServer, photo: bytes, num_connections: int = 4) -> Throughput:
    """One photo under twenty lights, as an editor asks while a slider moves."""
    return asyncio.run(_many_lights(server, photo, num_connections))


async def _many_lights(server: PeerServer, photo: bytes, num_connections: int) -> Throughput:
    azimuths_deg = iter([360.0 / NUM_LIGHTS * number for number in range(NUM_LIGHTS)])
    failed = 0

    async def keep_asking(client: httpx.AsyncClient) -> None:
        nonlocal failed
        for azimuth_deg in azimuths_deg:  # shared: each light is asked for once
            failed += await _post(client, server, photo, azimuth_deg) != 200

    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
        before = _Reading.now(server)
        await asyncio.gather(*(keep_asking(client) for _ in range(num_connections)))
        spent = _Reading.now(server).since(before)
    return spent.throughput(NUM_LIGHTS - failed, NUM_LIGHTS, server.memory_bytes(), failed)


async def _post(
    client: httpx.AsyncClient,
    server: PeerServer,
    photo: bytes,
    azimuth_deg: float,
    left_s: float | None = None,
) -> int:
    """Return the status of an answer; 0 without one. The time left is named in a header."""
    headers = {}
    if left_s is not None:
        headers["X-Request-Timeout-Ms"] = str(max(1, round((left_s - MARGIN_S) * 1e3)))
    try:
        question = server.peer.question(photo, azimuth_deg)
        answer = await client.post(server.url, headers=headers, **question)
    except httpx.TransportError:
        return 0
    return answer.status_code


@dataclass(frozen=True, slots=True)
class _Reading:
    """Clocks: wall time, CPU time of a server, energy of the machine; or what passed on them."""

    wall_s: float
    cpu_s: float
    energy_j: float | None

    @classmethod
    def now(cls, server: PeerServer) -> _Reading:
        return cls(time.monotonic(), server.cpu_s(), _energy_j())

    def since(self, before: _Reading) -> _Reading:
        ended_j, began_j = self.energy_j, before.energy_j
        energy_j = None if ended_j is None or began_j is None else ended_j - began_j
        return _Reading(self.wall_s - before.wall_s, self.cpu_s - before.cpu_s, energy_j)

    def throughput(
        self, num_served: int, num_images: int, peak_bytes: int, num_failed: int
    ) -> Throughput:
        """Return the rate of the images served, and the cost of each of `num_images`."""
        return Throughput(
            images_hz=num_served / self.wall_s,
            cpu_s=self.cpu_s / num_images,
            energy_j=None if self.energy_j is None else self.energy_j / num_images,
            peak_bytes=peak_bytes,
            num_failed=num_failed,
        )


def _energy_j() -> float | None:
    try:
        return int(_ENERGY_UJ.read_text()) / 1e6
    except OSError:
        return None
