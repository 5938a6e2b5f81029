"""Measures the service's promises under load and prints the figures of each.

    python -m bench.promises [poison storm overload crowded idle efficiency drain reload ...]
    python -m bench.promises --model real

Every run starts its own service on 127.0.0.1, with a fake engine, T(n) = 40 + 30 n ms and at most
8 in a batch, which gives a capacity of 28.6 images a second, or with a real model. The load is
open-loop; latency counts from the planned time of sending.
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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bench.clients import Reply, send
from bench.harness import ADMIN_KEY, Service, crowd, echoing, go_first, photo, running
from bench.sliders import Rows, repeat, turn
from bench.subject import Subject, fake_subject, real_subject

WORK = ("infer", "decode", "fit", "color", "detail", "encode")


def _serving(subject: Subject, **knobs: object) -> AbstractContextManager[Service]:
    knobs = {"cache_bytes": 0} | dict(subject.knobs) | knobs
    return running(subject.fake, subject.model, settings=knobs)


def poison(subject: Subject, _: float) -> Rows:
    """One corrupt photo among eight at once."""

    async def call(url: str) -> list[int]:
        bodies = [photo()] * 7 + [photo()[:300]]
        async with httpx.AsyncClient(base_url=url) as client:
            answers = await asyncio.gather(*(client.post("/relight", content=b) for b in bodies))
        return [answer.status_code for answer in answers]

    with _serving(subject) as service:
        statuses = Counter(asyncio.run(call(service.url)))
    return [("statuses", str(dict(statuses)), "7 x 200, 1 x 422")]


def storm(subject: Subject, _: float) -> Rows:
    """A hundred clients leave after their upload, while another one has the device."""
    if subject.fake:  # a batch that lasts until they have left
        subject = replace(subject, fake="1500+1n")
    with _serving(subject, max_queue_wait_ms=60_000) as service, ThreadPoolExecutor() as thread:
        stayer = thread.submit(httpx.post, f"{service.url}/relight", content=photo(), timeout=30)
        time.sleep(0.1)
        body, target = photo(seed=1), urlsplit(service.url)
        head = f"POST /relight HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        clients = [socket.create_connection((target.hostname, target.port)) for _ in range(100)]
        for client in clients:
            client.sendall(head + body)
        time.sleep(0.5 if subject.fake else 0.0)  # long enough for most to be queued
        num_queued = service.metric("relight_queue_depth")
        for client in clients:
            client.close()
        time.sleep(4.0)
        reached = service.metric("relight_batch_size_sum") - 1
        held = service.metric("relight_bytes_in_flight")
        outstanding = service.metric("relight_requests_outstanding")
        statuses = (
            stayer.result().status_code,
            httpx.post(f"{service.url}/relight", content=body).status_code,
        )
    return [
        ("their images in the queue when they left", f"{num_queued:.0f}", ""),
        ("their images that reached the device", f"{reached:.0f}", "< 5"),
        ("bytes still held", f"{held:.0f}", "0"),
        ("requests still outstanding", f"{outstanding:.0f}", "0"),
        ("status of who stayed, and of the next", str(statuses), "(200, 200)"),
    ]


def overload(subject: Subject, duration_s: float) -> Rows:
    """Twice the capacity, with one short deadline for all."""
    with _serving(subject) as service:
        capacity_hz = subject.capacity_hz
        replies = asyncio.run(send(service.url, 2 * capacity_hz, duration_s, subject.deadline_s))
    return _goodput(replies, subject, capacity_hz, duration_s)


def crowded(subject: Subject, duration_s: float) -> Rows:
    """The same while other processes take three quarters of every CPU, 150 ms of 200."""
    with _serving(subject) as service, crowd():
        capacity_hz = subject.capacity_hz
        is_first = go_first(30)  # the client represents one on another machine
        replies = asyncio.run(send(service.url, 2 * capacity_hz, duration_s, subject.deadline_s))
    how = "go first" if is_first else "compete: no right to real-time priority"
    rows = _goodput(replies, subject, capacity_hz, duration_s)
    return [("client and others", how, ""), *rows]


def _goodput(
    replies: Sequence[Reply], subject: Subject, capacity_hz: float, duration_s: float
) -> Rows:
    served = [r for r in replies if r.status == 200]
    late = [r for r in served if r.ended_s > r.planned_s + subject.deadline_s]
    start_s = min(r.planned_s for r in replies)
    # After the first second, in which the queue fills, until the last request.
    steady = [r for r in served if start_s + 1 <= r.ended_s <= start_s + duration_s]
    goodput_hz = sum(r not in late for r in steady) / (duration_s - 1)
    ratios = [r.retry_after_ms / 1e3 / truth for r in replies if (truth := _truth_s(r, served))]
    honest = sum(0.7 <= ratio <= 1.3 for ratio in ratios)
    return [
        ("offered", f"{len(replies) / duration_s:.1f} /s", ""),
        ("goodput", f"{goodput_hz:.1f} /s = {goodput_hz / capacity_hz:.1%}", ">= 95 %"),
        ("200 after the deadline", str(len(late)), "0"),
        ("statuses", str(dict(Counter(r.status for r in replies))), ""),
        ("p50 of served", f"{statistics.median(r.latency_ms for r in served):.0f} ms", ""),
        ("Retry-After / truth, median", f"{statistics.median(ratios):.2f}", "0.7 to 1.3"),
        ("Retry-After within 30 %", f"{honest / len(ratios):.1%}", ""),
    ]


def _truth_s(refusal: Reply, served: Sequence[Reply]) -> float | None:
    """Return how long the service was busy, after a refusal, with the work that it had then."""
    if refusal.status != 503:
        return None
    ahead = [r.ended_s for r in served if r.planned_s < refusal.ended_s < r.ended_s]
    return max(ahead) - refusal.ended_s if ahead else None


def idle(subject: Subject, duration_s: float) -> Rows:
    """No load, and a tenth of the capacity, compared with a bare server that echoes the body."""
    with _serving(subject) as service:
        before_s = service.cpu_s()
        time.sleep(10)
        idle_share = (service.cpu_s() - before_s) / 10
        rate_hz = 0.1 * subject.capacity_hz
        replies = asyncio.run(send(service.url, rate_hz, duration_s, subject.deadline_s))
    with echoing() as url:
        echoes = asyncio.run(send(url, rate_hz, duration_s, subject.deadline_s))
    alone = [r for r in replies if r.status == 200 and r.timings_ms["queue"] < 1]
    work_ms = [sum(r.timings_ms[stage] for stage in WORK) for r in alone]
    seen_ms = statistics.median(r.latency_ms - work for r, work in zip(alone, work_ms, strict=True))
    inside_ms = statistics.median(
        r.timings_ms["total"] - work for r, work in zip(alone, work_ms, strict=True)
    )
    echo_ms = statistics.median(r.latency_ms for r in echoes)
    infer_ms = statistics.median(r.timings_ms["infer"] for r in alone)
    return [
        ("CPU without load", f"{idle_share:.1%} of a core", "0"),
        ("p50 above inference, decoding, encoding: in the service", f"{inside_ms:.1f} ms", "<= 2"),
        ("the same, seen by the client", f"{seen_ms:.1f} ms", ""),
        ("p50 of a bare echo, seen by the client", f"{echo_ms:.1f} ms", ""),
        ("seen by the client, less the echo", f"{seen_ms - echo_ms:.1f} ms", "<= 2"),
        ("inference, p50", f"{infer_ms:.1f} ms", f"T(1) = {subject.t1_s * 1e3:.0f} ms"),
    ]


def efficiency(subject: Subject, duration_s: float) -> Rows:
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

    with _serving(subject) as service:
        before_hz = subject.capacity_hz
        rate_hz = asyncio.run(saturate(service))
    capacity_hz = (before_hz + subject.capacity_hz) / 2
    return [
        ("the engine alone", f"{capacity_hz:.2f} images/s", ""),
        ("over HTTP", f"{rate_hz:.2f} images/s", ""),
        ("of the engine alone", f"{rate_hz / capacity_hz:.1%}", ">= 95 %"),
    ]


def drain(subject: Subject, duration_s: float) -> Rows:
    """SIGTERM under half the capacity."""
    with _serving(subject, drain_s=2) as service:

        async def end() -> None:
            await asyncio.sleep(duration_s / 2)
            service.process.send_signal(signal.SIGTERM)

        rate_hz = subject.capacity_hz / 2
        replies = asyncio.run(send(service.url, rate_hz, duration_s, subject.deadline_s, end))
        exit_status = service.process.wait(30)
    closed_s = max(r.ended_s for r in replies if r.status)
    lost = [r for r in replies if r.status != 200 and r.planned_s < closed_s - subject.deadline_s]
    refused = sum(r.status == 0 for r in replies if r not in lost)
    return [
        ("admitted", str(sum(r.status > 0 for r in replies)), ""),
        ("admitted and failed", str(sum(r.status not in {0, 200} for r in replies)), "0"),
        ("lost before it stopped listening", str(len(lost)), "0"),
        ("not connected after that", str(refused), ""),
        ("exit status", str(exit_status), "0"),
    ]


def reload(subject: Subject, duration_s: float) -> Rows:
    """Three reloads under half the capacity."""
    with _serving(subject) as service:

        async def swap() -> None:
            async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
                for number in range(1, 4):
                    await asyncio.sleep(duration_s / 5)
                    service.change_model(number)
                    answer = await client.post("/-/reload", headers={"X-Api-Key": ADMIN_KEY})
                    answer.raise_for_status()

        rate_hz = subject.capacity_hz / 2
        replies = asyncio.run(send(service.url, rate_hz, duration_s, subject.deadline_s, swap))
        num_reloads = service.metric("relight_model_reloads_total")
    failed = [r for r in replies if r.status != 200]
    return [
        ("requests", str(len(replies)), ""),
        ("reloads", f"{num_reloads:.0f}", "3"),
        ("failed", f"{len(failed)} {dict(Counter(r.status for r in failed)) or ''}", "0"),
    ]


PROMISES: dict[str, Callable[[Subject, float], Rows]] = {
    promise.__name__: promise
    for promise in (poison, storm, overload, crowded, idle, efficiency, drain, reload, repeat, turn)
}


def main() -> None:
    """Measure the named promises, by default all, and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("promises", nargs="*", metavar="PROMISE", help=", ".join(PROMISES))
    parser.add_argument("--duration", type=float, default=20.0, help="seconds of load")
    parser.add_argument(
        "--model", default="fake", help="fake, real (the shipped model), or an .onnx file"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.promises) - set(PROMISES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if arguments.model == "fake":
        subject = fake_subject()
    else:
        subject = real_subject(None if arguments.model == "real" else Path(arguments.model))
    print(f"{subject.name}; deadlines of {subject.deadline_s:.1f} s")
    for name in arguments.promises or PROMISES:
        promise = PROMISES[name]
        rows = promise(subject, arguments.duration)
        load = os.getloadavg()[0]
        print(f"\n**{name}**: {promise.__doc__} Load average {load:.1f}, {os.cpu_count()} CPUs.\n")
        print("| figure | measured | promised |\n|---|---|---|")
        for figure, measured, promised in rows:
            print(f"| {figure} | {measured} | {promised} |", flush=True)


if __name__ == "__main__":
    main()
