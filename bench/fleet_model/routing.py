"""Ways to choose the pod for a request; the second choice is for the one retry."""

from __future__ import annotations

import bisect
import hashlib
import math
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from bench.fleet_model.pods import PhotoRequest, Pod

Route = Callable[[PhotoRequest], Iterator[Pod]]

LOAD_BOUND: Final = 1.25  # times the mean
_POINTS_PER_POD: Final = 100


def hash_of(*parts: object) -> int:
    """Return a hash of 64 bits that is the same in every run."""
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


class Ring:
    """A consistent ring of pods by number, each with a hundred points (Karger et al. 1997)."""

    def __init__(self, numbers: Sequence[int]) -> None:
        points = sorted((hash_of(n, i), n) for n in numbers for i in range(_POINTS_PER_POD))
        self._places = [place for place, _ in points]
        self._numbers = [number for _, number in points]

    def walk(self, photo: int) -> Iterator[int]:
        """Yield the pods from a photo's place on; some come more than once."""
        start = bisect.bisect(self._places, hash_of("photo", photo))
        size = len(self._numbers)
        return (self._numbers[(start + step) % size] for step in range(size))


def at_random(pods: Sequence[Pod], generator: random.Random) -> Route:
    """Choose any pod."""
    return lambda photo: iter(generator.sample(pods, 2))


def least_of_two(pods: Sequence[Pod], generator: random.Random) -> Route:
    """Choose the less loaded of two random pods (Mitzenmacher 2001); then the other."""

    def route(photo: PhotoRequest) -> Iterator[Pod]:
        return iter(sorted(generator.sample(pods, 2), key=lambda pod: pod.num_outstanding))

    return route


def by_hash(pods: Sequence[Pod], generator: random.Random) -> Route:
    """Choose by the photo's place on a ring."""
    ring = Ring(range(len(pods)))
    return lambda photo: (pods[number] for number in islice(ring.walk(photo.photo), 2))


def by_bounded_hash(pods: Sequence[Pod], generator: random.Random) -> Route:
    """Choose as `by_hash`, passing pods over the bound of their load (Mirrokni et al. 2018)."""
    ring = Ring(range(len(pods)))

    def route(photo: PhotoRequest) -> Iterator[Pod]:
        total = sum(pod.num_outstanding for pod in pods)
        bound = math.ceil(LOAD_BOUND * (total + 1) / len(pods))
        walk = map(pods.__getitem__, ring.walk(photo.photo))
        return (pod for pod in walk if pod.num_outstanding < bound)

    return route


def in_cells(
    pods: Sequence[Pod],
    generator: random.Random,
    *,
    num_cells: int,
    within: Callable[[Sequence[Pod], random.Random], Route],
) -> Route:
    """Give each key one cell, and choose within it."""
    size = len(pods) // num_cells
    cells = [within(pods[i * size : (i + 1) * size], generator) for i in range(num_cells)]
    return lambda photo: cells[hash_of("key", photo.key) % num_cells](photo)


def in_shards(pods: Sequence[Pod], generator: random.Random, *, shard_size: int) -> Route:
    """Give each key its own pods, chosen at random once, and take the least loaded of two."""
    shards: dict[int, Route] = {}

    def route(photo: PhotoRequest) -> Iterator[Pod]:
        if photo.key not in shards:
            own = random.Random(hash_of("shard", photo.key)).sample(
                pods, min(shard_size, len(pods))
            )
            shards[photo.key] = least_of_two(own, generator)
        return shards[photo.key](photo)

    return route
