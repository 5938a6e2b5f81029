"""Runs a fleet of the model under a load."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import simpy

from bench.fleet_model.pods import PhotoRequest, Pod, Record
from bench.fleet_model.routing import Route


def singles(rate_hz: float, duration_s: float, num_keys: int, seed: int) -> list[PhotoRequest]:
    """Return requests at random times, each for another photo, of random keys."""
    generator = np.random.default_rng(seed)
    number = generator.poisson(rate_hz * duration_s)
    times_s = generator.uniform(0, duration_s, number).tolist()
    keys = generator.integers(num_keys, size=number).tolist()
    return [PhotoRequest(key, i, t) for i, (key, t) in enumerate(zip(keys, times_s, strict=True))]


def sliders(
    rate_hz: float, duration_s: float, num_keys: int, seed: int, *, length: int, step_s: float
) -> list[PhotoRequest]:
    """Return requests of people who move a slider: `length` for one photo, `step_s` apart."""
    starts = singles(rate_hz / length, duration_s, num_keys, seed)
    return [
        PhotoRequest(start.key, -1 - start.photo, start.arrived_s + step * step_s)
        for start in starts
        for step in range(length)
        if start.arrived_s + step * step_s < duration_s
    ]


def simulate(
    env: simpy.Environment,
    route: Route,
    photos: Iterable[PhotoRequest],
    record: Record,
    until_s: float | None = None,
) -> None:
    """Send the photos, each once more where it is refused, until all is done or `until_s`."""

    def send() -> Generator[simpy.Event, Any, None]:
        for photo in sorted(photos, key=lambda photo: photo.arrived_s):
            yield env.timeout(photo.arrived_s - env.now)
            if not any(pod.offer(photo) for pod in islice(route(photo), 2)):
                record.note(photo, "refused", env.now)

    env.process(send())
    env.run(until_s)


def fleet(env: simpy.Environment, num_pods: int, record: Record) -> Sequence[Pod]:
    """Return pods that wait for requests."""
    return [Pod(env, record) for _ in range(num_pods)]
