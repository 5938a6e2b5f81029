"""Calculates the CPU cores that a GPU needs, and the cost of a million photos.

    python -m bench.sizing [--megapixels 1 4 12] [--photos 12] [--gpu-images-per-s 20 50 100]

Measures the CPU time of the service's process for each photo, over HTTP, one at a time: without
the network (a fake engine that takes no time) and with it (the shipped model on CPUs). CPU time,
unlike wall time, hardly changes on a busy machine. The photo is the sample, enlarged, with film
grain; each one differs, so the cache does not help.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from bench.harness import Service, running

SAMPLE = Path(__file__).parents[1] / "service" / "web" / "samples" / "coffee.jpg"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 12])
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--gpu-images-per-s", type=float, nargs="+", default=[20, 50, 100])
    arguments = parser.parse_args()
    shelf = {mp: _photos(mp, arguments.photos) for mp in arguments.megapixels}
    with running("0+0n", settings={"cache_bytes": 0}) as service:
        beside = {mp: _cpu_s(service, photos) for mp, photos in shelf.items()}
    with running(settings={"cache_bytes": 0, "providers": "cpu"}) as service:
        whole = {mp: _cpu_s(service, photos) for mp, photos in shelf.items()}
    print("| photo | bytes | beside the network, CPU ms | with it on CPUs | core-hours a million |")
    print("|---|---|---|---|---|")
    for mp, photos in shelf.items():
        size = round(sum(map(len, photos)) / len(photos) / 1e3)
        hours = whole[mp] * 1e6 / 3600
        print(
            f"| {mp:g} MP | {size} kB | {beside[mp] * 1e3:.0f} "
            f"| {whole[mp] * 1e3:.0f} | {hours:.0f} |"
        )
    rates = arguments.gpu_images_per_s
    print(f"\n| CPU cores for a GPU of | {' | '.join(f'{r:g} images/s' for r in rates)} |")
    print(f"|---|{'---|' * len(rates)}")
    for mp in shelf:
        print(f"| {mp:g} MP | {' | '.join(f'{rate * beside[mp]:.1f}' for rate in rates)} |")


def _cpu_s(service: Service, photos: list[bytes]) -> float:
    """Return the CPU time of the process per photo."""
    for photo in photos[:2]:  # the first ones allocate the memory
        httpx.post(f"{service.url}/relight", content=photo, timeout=120).raise_for_status()
    before_s = service.cpu_s()
    for photo in photos:
        httpx.post(f"{service.url}/relight", content=photo, timeout=120).raise_for_status()
    return (service.cpu_s() - before_s) / len(photos)


def _photos(megapixels: float, number: int) -> list[bytes]:
    """Return JPEGs of that size, quality 90."""
    with Image.open(SAMPLE) as sample:
        scale = (megapixels * 1e6 / (sample.width * sample.height)) ** 0.5
        size = round(sample.width * scale), round(sample.height * scale)
        large = np.asarray(sample.convert("RGB").resize(size, Image.Resampling.BICUBIC), np.int16)
    rng = np.random.default_rng(1)
    photos = []
    for _ in range(number):
        grain = rng.integers(-6, 7, large.shape[:2], np.int16)[..., None]
        file = io.BytesIO()
        Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8)).save(
            file, "jpeg", quality=90
        )
        photos.append(file.getvalue())
    return photos


if __name__ == "__main__":
    main()
