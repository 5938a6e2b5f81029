"""What the service promises under load, measured: each promise prints its figures.

    python -m bench.promises [poison storm overload idle efficiency drain reload repeat]

Every run starts a service of its own on 127.0.0.1, with a fake engine: T(n) = 40 + 30 n ms, at
most 8 in a batch, so its capacity is 28.6 images a second. Load comes in open loop; latency counts
from the planned time of sending. A client keeps 50 ms of its deadline for the way.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from bench.harness import ADMIN_KEY, Service, photo, running
from bench.load import arrivals

FAKE = "40+30n"
MAX_BATCH = 8
T1_S, T8_S = 0.070, 0.280
CAPACITY_HZ = MAX_BATCH / T8_S
DEADLINE_S = 1.0
MARGIN_S = 0.05

Rows = list[tuple[str, str, str]]  # figure, measured, promised


@dataclass(frozen=True, slots=True)
class Reply:
    """One request: when it was planned and answered, with what, in seconds of one clock."""

    planned_s: float
    ended_s: float
    status: int
    timings_ms: dict[str, float]
    retry_after_ms: float = 0.0


async def ask(client: httpx.AsyncClient, body: bytes, planned_s: float) -> Reply:
    """Send one photo when it is planned; status 0 stands for a broken connection."""
    await asyncio.sleep(planned_s - time.monotonic())
    left_s = planned_s + DEADLINE_S - MARGIN_S - time.monotonic()
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
    service: Service,
    rate_hz: float,
    duration_s: float,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> list[Reply]:
    """Send photos in open loop; all different, so that the cache has no part in it."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=256)
    async with httpx.AsyncClient(base_url=service.url, limits=limits, timeout=30) as client:
        start_s = time.monotonic() + 0.2
        bodies = [photo(seed=n) for n in range(16)]
        plan = [start_s + at_s for at_s in arrivals(rate_hz, duration_s, seed=0)]
        tasks = [
            asyncio.create_task(ask(client, bodies[n % 16], planned_s))
            for n, planned_s in enumerate(plan)
        ]
        if meanwhile:
            await meanwhile()
        return await asyncio.gather(*tasks)


def poison(_: float) -> Rows:
    """One corrupt photo among eight at once."""

    async def call(url: str) -> list[int]:
        bodies = [photo()] * 7 + [photo()[:300]]
        async with httpx.AsyncClient(base_url=url) as client:
            answers = await asyncio.gather(*(client.post("/relight", content=b) for b in bodies))
        return [answer.status_code for answer in answers]

    with running(FAKE, max_batch_size=MAX_BATCH, cache_bytes=0) as service:
        statuses = Counter(asyncio.run(call(service.url)))
    return [("statuses", str(dict(statuses)), "7 x 200, 1 x 422")]


def storm(_: float) -> Rows:
    """A hundred clients that leave after their upload."""
    with running("300+1n", max_batch_size=MAX_BATCH, cache_bytes=0) as service:
        body, target = photo(), urlsplit(service.url)
        head = f"POST /relight HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        clients = [socket.create_connection((target.hostname, target.port)) for _ in range(100)]
        for client in clients:
            client.sendall(head + body)
        time.sleep(0.05)  # long enough for the first to be decoded and queued
        for client in clients:
            client.close()
        time.sleep(2.0)
        reached = service.metric("relight_batch_size_sum")
        held = service.metric("relight_bytes_in_flight")
        outstanding = service.metric("relight_requests_outstanding")
        answer = httpx.post(f"{service.url}/relight", content=body)
    return [
        ("images that reached the device", f"{reached:.0f}", "< 5"),
        ("bytes still held", f"{held:.0f}", "0"),
        ("requests still outstanding", f"{outstanding:.0f}", "0"),
        ("status of the next request", str(answer.status_code), "200"),
    ]


def overload(duration_s: float) -> Rows:
    """Twice the capacity, deadlines of one second."""
    with running(FAKE, max_batch_size=MAX_BATCH, cache_bytes=0) as service:
        replies = asyncio.run(send(service, 2 * CAPACITY_HZ, duration_s))
    served = [r for r in replies if r.status == 200]
    late = [r for r in served if r.ended_s > r.planned_s + DEADLINE_S]
    start_s = min(r.planned_s for r in replies)
    # From the first second on, in which the queue fills, to the last request.
    steady = [r for r in served if start_s + 1 <= r.ended_s <= start_s + duration_s]
    goodput_hz = sum(r not in late for r in steady) / (duration_s - 1)
    ratios = [r.retry_after_ms / 1e3 / truth for r in replies if (truth := _truth_s(r, served))]
    latencies_s = [r.ended_s - r.planned_s for r in served]
    honest = sum(0.7 <= ratio <= 1.3 for ratio in ratios)
    return [
        ("offered", f"{len(replies) / duration_s:.1f} /s", ""),
        ("goodput", f"{goodput_hz:.1f} /s = {goodput_hz / CAPACITY_HZ:.1%}", ">= 95 %"),
        ("200 after the deadline", str(len(late)), "0"),
        ("statuses", str(dict(Counter(r.status for r in replies))), ""),
        (
            "p50 of served",
            f"{statistics.median(latencies_s):.3f} s",
            "",
        ),
        ("Retry-After / truth, median", f"{statistics.median(ratios):.2f}", "0.7 to 1.3"),
        ("Retry-After within 30 %", f"{honest / len(ratios):.1%}", ""),
    ]


def _truth_s(refusal: Reply, served: Sequence[Reply]) -> float | None:
    """Return how long, after a refusal, the service was busy with what it had then."""
    if refusal.status != 503:
        return None
    ahead = [r.ended_s for r in served if r.planned_s < refusal.ended_s < r.ended_s]
    return max(ahead) - refusal.ended_s if ahead else None


def idle(duration_s: float) -> Rows:
    """No load, and a tenth of the capacity."""
    with running(FAKE, max_batch_size=MAX_BATCH, cache_bytes=0) as service:
        before_s = service.cpu_s()
        time.sleep(10)
        idle_share = (service.cpu_s() - before_s) / 10
        replies = asyncio.run(send(service, 0.1 * CAPACITY_HZ, duration_s))
    work = ("infer", "decode", "color", "detail", "encode")
    alone = [r for r in replies if r.status == 200 and r.timings_ms["queue"] < 1]
    overheads_ms = [
        (r.ended_s - r.planned_s) * 1e3 - sum(r.timings_ms[s] for s in work) for r in alone
    ]
    inside_ms = [r.timings_ms["total"] - sum(r.timings_ms[s] for s in work) for r in alone]
    infer_ms = statistics.median(r.timings_ms["infer"] for r in alone)
    return [
        ("CPU without load", f"{idle_share:.1%} of a core", "0"),
        ("p50 above T(1) + decode + encode", f"{statistics.median(overheads_ms):.1f} ms", "<= 2"),
        ("the same inside the server", f"{statistics.median(inside_ms):.1f} ms", ""),
        ("inference, p50", f"{infer_ms:.1f} ms", f"T(1) = {T1_S * 1e3:.0f} ms"),
    ]


def efficiency(duration_s: float) -> Rows:
    """As many requests as the device can take."""

    async def saturate(service: Service) -> float:
        end_s = time.monotonic() + duration_s
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:

            async def keep_asking(body: bytes) -> None:
                while time.monotonic() < end_s:
                    await client.post("/relight", content=body)

            callers = [asyncio.create_task(keep_asking(photo(seed=n))) for n in range(32)]
            await asyncio.sleep(2)
            before, began_s = service.metric("relight_batch_size_sum"), time.monotonic()
            await asyncio.sleep(duration_s - 3)
            after, ended_s = service.metric("relight_batch_size_sum"), time.monotonic()
            await asyncio.gather(*callers)
        return (after - before) / (ended_s - began_s)

    with running(FAKE, max_batch_size=MAX_BATCH, cache_bytes=0) as service:
        rate_hz = asyncio.run(saturate(service))
    return [
        ("over HTTP", f"{rate_hz:.2f} images/s", ""),
        ("of the engine alone", f"{rate_hz / CAPACITY_HZ:.1%}", ">= 95 %"),
    ]


def drain(duration_s: float) -> Rows:
    """SIGTERM under half the capacity."""
    with running(FAKE, max_batch_size=MAX_BATCH, cache_bytes=0, drain_s=2) as service:

        async def end() -> None:
            await asyncio.sleep(duration_s / 2)
            service.process.send_signal(signal.SIGTERM)

        replies = asyncio.run(send(service, CAPACITY_HZ / 2, duration_s, end))
        exit_status = service.process.wait(30)
    closed_s = max(r.ended_s for r in replies if r.status)
    lost = [r for r in replies if r.status != 200 and r.planned_s < closed_s - DEADLINE_S]
    refused = sum(r.status == 0 for r in replies if r not in lost)
    return [
        ("admitted", str(sum(r.status > 0 for r in replies)), ""),
        ("admitted and failed", str(sum(r.status not in {0, 200} for r in replies)), "0"),
        ("lost before it stopped listening", str(len(lost)), "0"),
        ("not connected after that", str(refused), ""),
        ("exit status", str(exit_status), "0"),
    ]


def reload(duration_s: float) -> Rows:
    """Three reloads under half the capacity."""
    with running(FAKE, max_batch_size=MAX_BATCH, cache_bytes=0) as service:

        async def swap() -> None:
            async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
                for number in range(1, 4):
                    await asyncio.sleep(duration_s / 5)
                    (service.models_dir / "fake.onnx").write_bytes(str(number).encode())
                    answer = await client.post("/-/reload", headers={"X-Api-Key": ADMIN_KEY})
                    answer.raise_for_status()

        replies = asyncio.run(send(service, CAPACITY_HZ / 2, duration_s, swap))
        num_reloads = service.metric("relight_model_reloads_total")
    failed = [r for r in replies if r.status != 200]
    return [
        ("requests", str(len(replies)), ""),
        ("reloads", f"{num_reloads:.0f}", "3"),
        ("failed", str(len(failed)), "0"),
    ]


def repeat(_: float) -> Rows:
    """One photo with twenty temperatures, all at once."""

    async def call(url: str) -> Counter[str]:
        async with httpx.AsyncClient(base_url=url) as client:
            answers = await asyncio.gather(
                *(
                    client.post("/relight", content=photo(), params={"temperature": t})
                    for t in range(2500, 6500, 200)
                )
            )
        return Counter(answer.headers["x-cache"] for answer in answers)

    with running(FAKE, max_batch_size=MAX_BATCH) as service:
        origins = asyncio.run(call(service.url))
        inferences = service.metric("relight_batch_size_sum")
    return [
        ("answers", str(dict(origins)), "20"),
        ("images that reached the device", f"{inferences:.0f}", "1"),
    ]


PROMISES: dict[str, Callable[[float], Rows]] = {
    promise.__name__: promise
    for promise in (poison, storm, overload, idle, efficiency, drain, reload, repeat)
}


def main() -> None:
    """Measure what is asked for, all by default, and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("promises", nargs="*", metavar="PROMISE", help=", ".join(PROMISES))
    parser.add_argument("--duration", type=float, default=20.0, help="seconds of load")
    arguments = parser.parse_args()
    if unknown := set(arguments.promises) - set(PROMISES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    for name in arguments.promises or PROMISES:
        promise = PROMISES[name]
        rows = promise(arguments.duration)
        load = os.getloadavg()[0]
        print(f"\n**{name}**: {promise.__doc__} Load average {load:.1f}, {os.cpu_count()} CPUs.\n")
        print("| figure | measured | promised |\n|---|---|---|")
        for figure, measured, promised in rows:
            print(f"| {figure} | {measured} | {promised} |", flush=True)


if __name__ == "__main__":
    main()
