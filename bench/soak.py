"""Mixed load for a while, and whether memory, descriptors or threads grow.

    python -m bench.soak --minutes 30      (2 in CI)

Sound, damaged and cut-off pictures of every format, clients that leave, and batches, from a
few clients at once, to a service of its own on 127.0.0.1. Prints the slopes after the first
quarter; the exit status is 1 where one is too steep, or where an answer is a 500.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx
import numpy as np
from PIL import Image

from bench.chaos.fault import connect, resident_mb
from bench.harness import Service, running

_PERIOD_S: Final = 2.0
_NUM_CLIENTS: Final = 3
_MAX_MB: Final = 100.0  # what the cache fills, and as much again for a fragmented heap
_LONG_MINUTES: Final = 10.0
_MAX_OTHERS: Final = 8.0
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
    """Send one request of some kind; return what became of it."""
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


def _sample(service: Service, started_s: float) -> tuple[float, float, float, float]:
    process = Path("/proc", str(service.process.pid))
    counts = (len(list((process / name).iterdir())) for name in ("fd", "task"))
    num_files, num_threads = counts
    return time.monotonic() - started_s, resident_mb(service), num_files, num_threads


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load, print the slopes; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0)
    duration_s = 60 * parser.parse_args(arguments).minutes
    files, ends, samples = bodies(np.random.default_rng(0)), Counter[str](), []
    with running("20+10n", cache_bytes=50_000_000) as service:
        stop, before_mb = threading.Event(), resident_mb(service)

        def send(seed: int) -> None:
            random_ = random.Random(seed)
            while not stop.is_set():
                ends[_once(service, random_, files)] += 1
                time.sleep(random_.random() / 2)

        clients = [threading.Thread(target=send, args=(n,)) for n in range(_NUM_CLIENTS)]
        for client in clients:
            client.start()
        started_s = time.monotonic()
        while time.monotonic() < started_s + duration_s:
            time.sleep(_PERIOD_S)
            samples.append(_sample(service, started_s))
        stop.set()
        for client in clients:
            client.join()
        time.sleep(3 * _PERIOD_S)
        rest_mb = resident_mb(service)
    table = np.array(samples[len(samples) // 4 :])
    minutes = (table[-1, 0] - table[0, 0]) / 60
    slopes = np.polyfit(table[:, 0] / 60, table[:, 1:], 1)[0]
    print(f"{sum(ends.values())} requests: {dict(ends)}")
    print(f"memory {slopes[0]:+.2f} MB a minute, mean {table[:, 1].mean():.0f}")
    print(f"memory at rest: {before_mb:.0f} MB before, {rest_mb:.0f} MB after")
    print(f"descriptors {slopes[1]:+.2f} a minute, threads {slopes[2]:+.2f} a minute")
    grown = np.maximum(slopes, 0) * minutes
    # Under load memory swings by a decoded picture or two, so a short run shows no slope of it.
    has_grown = rest_mb - before_mb > _MAX_MB or (minutes >= _LONG_MINUTES and grown[0] > _MAX_MB)
    is_kept = not has_grown and max(grown[1:]) < _MAX_OTHERS and "500" not in ends
    print("kept" if is_kept else "NOT KEPT")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
