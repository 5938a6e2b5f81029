"""Sends a mixed load, and checks whether memory, descriptors or threads grow.

    python -m bench.soak --minutes 30      (2 in CI)

Sound, damaged and cut-off pictures of every format, clients that leave, and batches, from a
few clients at once, to a service of its own on 127.0.0.1. Under load memory swings by the pictures
that are in work, so the clients pause after each round until the heap was trimmed, and memory is
read then, less what the slider cache says that it holds. Prints the growth after the first
quarter; the exit status is 1 if it is too large, or if an answer is a 500.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import numpy as np
from PIL import Image

from bench.chaos.fault import connect, resident_mb
from bench.harness import Service, running

_ROUND_S: Final = 15.0
_TRIM_S: Final = 6.0  # the heap is trimmed after three quiet seconds
_POLL_S: Final = 0.5
_MIN_RESTS: Final = 4
_NUM_CLIENTS: Final = 3
MAX_MB: Final = 30.0  # over 22 minutes, the last three quarters of 30: 1.3 MB a minute
MAX_OTHERS: Final = 8.0
_QUERIES: Final = ("", "?direction=W", "?format=png", "?format=webp", "?detail=model&strength=0.5")


def bodies(rng: np.random.Generator) -> list[bytes]:
    """Return pictures of several sizes in every format that is written."""
    found = []
    for width_px, height_px in ((64, 64), (333, 500), (1200, 800), (2000, 1500)):
        noise = rng.integers(0, 255, (height_px // 8 + 1, width_px // 8 + 1, 3), np.uint8)
        picture = Image.fromarray(noise).resize((width_px, height_px))
        for format_name in ("jpeg", "png", "webp", "tiff"):
            file = io.BytesIO()
            picture.save(file, format_name)
            found.append(file.getvalue())
    return found


def _once(service: Service, random_: random.Random, files: Sequence[bytes]) -> str:
    """Send one request of some kind; return its outcome."""
    body, kind = random_.choice(files), random_.random()
    query = random_.choice(_QUERIES)
    if kind < 0.1:
        body = body[: random_.randrange(1, len(body))]
    elif kind < 0.2:
        damaged = bytearray(body)
        for _ in range(20):
            damaged[random_.randrange(len(damaged))] = random_.randrange(256)
        body = bytes(damaged)
    elif kind < 0.3:
        with connect(service) as client:
            head = (
                f"POST /relight{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            client.sendall(head.encode() + body[: random_.choice([len(body), len(body) // 2])])
            time.sleep(random_.random() / 2)
        return "left"
    elif kind < 0.35:
        parts = [("image", (f"{n}.jpg", random_.choice(files))) for n in range(4)]
        answer = httpx.post(f"{service.url}/relight/batch", files=parts, timeout=120)
        return f"batch {answer.status_code}"
    return str(httpx.post(f"{service.url}/relight{query}", content=body, timeout=120).status_code)


@dataclass(frozen=True, slots=True)
class Rest:
    """Resources of the process while no request is in flight."""

    minutes: float
    resident_mb: float
    cache_mb: float
    num_files: int
    num_threads: int


def _rest(service: Service, started_s: float) -> Rest:
    """Wait until nothing is in flight and the heap was trimmed; return what is held."""
    while service.metric("relight_bytes_in_flight"):
        time.sleep(_POLL_S)
    time.sleep(_TRIM_S)
    process = Path("/proc", str(service.process.pid))
    return Rest(
        (time.monotonic() - started_s) / 60,
        resident_mb(service),
        service.metric("relight_cache_bytes") / 1e6,
        *(len(list((process / name).iterdir())) for name in ("fd", "task")),
    )


def growth(rests: Sequence[Rest]) -> tuple[float, float, float]:
    """Return the growth of memory in MB beside the cache, of descriptors and of threads.

    It is the slope of a line through the last three quarters, times their duration: the first
    quarter fills pools and the free lists of decoders.
    """
    judged = rests[len(rests) // 4 :]
    minutes = [rest.minutes for rest in judged]
    held = [(r.resident_mb - r.cache_mb, r.num_files, r.num_threads) for r in judged]
    slopes = np.polyfit(minutes, np.array(held), 1)[0]
    memory_mb, num_files, num_threads = (float(n) for n in slopes * (minutes[-1] - minutes[0]))
    return memory_mb, num_files, num_threads


def is_kept(rests: Sequence[Rest]) -> bool:
    """Return whether nothing has grown by more than its bound."""
    memory_mb, num_files, num_threads = growth(rests)
    return memory_mb <= MAX_MB and max(num_files, num_threads) <= MAX_OTHERS


def _load(service: Service, files: Sequence[bytes], seed: int, ends: Counter[str]) -> None:
    """Send requests from a few clients for one round."""
    until_s = time.monotonic() + _ROUND_S

    def send(number: int) -> None:
        random_ = random.Random(seed * _NUM_CLIENTS + number)
        while time.monotonic() < until_s:
            ends[_once(service, random_, files)] += 1
            time.sleep(random_.random() / 2)

    with ThreadPoolExecutor(_NUM_CLIENTS) as clients:
        list(clients.map(send, range(_NUM_CLIENTS)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load, print what has grown; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0)
    minutes = parser.parse_args(arguments).minutes
    files, ends, rests = bodies(np.random.default_rng(0)), Counter[str](), list[Rest]()
    with running("20+10n", settings={"cache_bytes": 50_000_000}) as service:
        started_s = time.monotonic()
        while time.monotonic() < started_s + 60 * minutes or len(rests) < _MIN_RESTS:
            _load(service, files, len(rests), ends)
            rests.append(_rest(service, started_s))
            print(rests[-1], flush=True)
    memory_mb, num_files, num_threads = growth(rests)
    print(f"{sum(ends.values())} requests: {dict(ends)}")
    print(f"memory at rest, less the cache: {memory_mb:+.1f} MB, at most {MAX_MB:.0f}")
    print(f"descriptors {num_files:+.1f}, threads {num_threads:+.1f}, at most {MAX_OTHERS:.0f}")
    kept = is_kept(rests) and "500" not in ends and "batch 500" not in ends
    print("kept" if kept else "NOT KEPT")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
