"""CPU time for a photo, of two checkouts in turn: `python -m bench.paired BEFORE AFTER`.

    git worktree add /tmp/before COMMIT
    python -m bench.paired /tmp/before .

Both services run at the same time, with a fake engine that takes no time, one thread and no cache;
--cache leaves it on, which gives the CPU time of further lights of one photo. --pair sends the
photos, and as many mirrored, to a fake pair, which sees a photo and its mirror image alike.
Each round sends the same photos to one and then to the other, in changing order, so that whatever
else the machine does meets both alike. Prints the median CPU time of each, and of the rounds'
ratios; the exit status is 1 where that exceeds what is allowed.
"""

from __future__ import annotations

import argparse
import io
import shutil
import statistics
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Final

import httpx
from PIL import Image, ImageOps

from bench.harness import Service, photo, running

_MAX_RATIO: Final = 1.05
_NO_CACHE: Final = {"cache_bytes": 0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Send the photos, print the times; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.paired", description=__doc__)
    parser.add_argument("checkouts", nargs=2, type=Path, metavar=("BEFORE", "AFTER"))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--photos", type=int, default=3, help="sent one by one in each round")
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--cache", action="store_true", help="measure further lights of a photo")
    parser.add_argument("--pair", action="store_true", help="measure a pair, as drn-g is one")
    asked = parser.parse_args(arguments)
    bodies = [photo(round((asked.megapixels * 1e6) ** 0.5 / 8) * 8)]
    if asked.pair:
        bodies.append(_mirrored(bodies[0]))
    rounds: list[tuple[float, float]] = []
    knobs = {} if asked.cache else _NO_CACHE
    with ExitStack() as stack:
        services = [
            stack.enter_context(running_checkout(checkout.resolve(), is_pair=asked.pair, **knobs))
            for checkout in asked.checkouts
        ]
        for number in range(asked.rounds):
            turns = services if number % 2 else services[::-1]
            taken_s = {id(service): _cpu_s(service, bodies, asked.photos) for service in turns}
            rounds.append((taken_s[id(services[0])], taken_s[id(services[1])]))
            print(f"{number + 1}: {rounds[-1][0]:.2f} s, {rounds[-1][1]:.2f} s", flush=True)
    ratios = sorted(after / before for before, after in rounds)
    ratio = statistics.median(ratios)
    before_s, after_s = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(
        f"{asked.megapixels:g} MP, {len(rounds)} rounds: {before_s:.3f} s, {after_s:.3f} s of CPU"
    )
    print(f"after / before: {ratio:.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}")
    return 0 if ratio <= _MAX_RATIO else 1


def running_checkout(
    folder: Path, *, is_pair: bool = False, **knobs: object
) -> AbstractContextManager[Service]:
    """Run the service of a checkout with one thread; as `bench.harness.running`."""
    env = shutil.which("env") or "env"
    prefix = (env, f"--chdir={folder}", f"PYTHONPATH={folder}")
    settings = {"num_threads": 1} | knobs
    return running("0+0n", prefix=prefix, settings=settings, is_pair=is_pair)


def _mirrored(body: bytes) -> bytes:
    file = io.BytesIO()
    ImageOps.mirror(Image.open(io.BytesIO(body))).save(file, "jpeg")
    return file.getvalue()


def _cpu_s(service: Service, bodies: list[bytes], num_photos: int) -> float:
    """Return the CPU time that a busy service takes for a photo, the mean of a few of each.

    The first photo is not counted: it takes again the memory that an idle service gives back.
    """
    before_s = 0.0
    for number, body in enumerate([bodies[0], *bodies * num_photos]):
        if number == 1:
            before_s = service.cpu_s()
        httpx.post(f"{service.url}/relight", content=body, timeout=300).raise_for_status()
    return (service.cpu_s() - before_s) / (len(bodies) * num_photos)


if __name__ == "__main__":
    sys.exit(main())
