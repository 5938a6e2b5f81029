"""The experiments of the model; each returns a table."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import simpy

from bench.fleet.tables import Table
from bench.fleet_model.pods import CAPACITY_HZ, PhotoRequest, Pod, Record
from bench.fleet_model.routing import (
    LOAD_BOUND,
    Ring,
    Route,
    at_random,
    by_bounded_hash,
    by_hash,
    hash_of,
    in_cells,
    in_shards,
    least_of_two,
)
from bench.fleet_model.simulation import fleet, simulate, singles, sliders

NUM_CELLS: Final = 10
NUM_KEYS: Final = 1000
SHARD_SIZE: Final = 16
_SEED: Final = 1
_WARM_UP_S: Final = 2.5  # longer than a slider moves
_POISON_HZ: Final = 20.0

Maker = Callable[[Sequence[Pod], random.Random], Route]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A fleet after a simulation."""

    record: Record
    pods: Sequence[Pod]


def routing(num_pods: int, duration_s: float) -> Table:
    """Half of the requests are of sliders (20 in 2 s for one photo); 60 % load; ten cells."""
    rate_hz = 0.6 * CAPACITY_HZ * num_pods
    ways: dict[str, Maker] = {
        "random": at_random,
        "least of two": least_of_two,
        "consistent hash of the photo": by_hash,
        f"the same, load bound {LOAD_BOUND}": by_bounded_hash,
    }
    rows: Table = [
        ("way", "answered from a cache", "refused", "p50", "p99", "busiest pod, of the mean")
    ]
    for name, way in ways.items():
        photos = singles(rate_hz / 2, duration_s, NUM_KEYS, _SEED)
        photos += sliders(rate_hz / 2, duration_s, NUM_KEYS, _SEED, length=20, step_s=0.1)
        run = _run(partial(in_cells, num_cells=NUM_CELLS, within=way), photos, num_pods, _WARM_UP_S)
        outcomes, total = run.record.outcomes, run.record.outcomes.total()
        p50_s, p99_s = np.quantile(run.record.latencies_s, [0.5, 0.99])
        served = [pod.num_served for pod in run.pods]
        rows.append(
            (
                name,
                f"{outcomes['hit'] / total:.1%}",
                f"{outcomes['refused'] / total:.2%}",
                f"{p50_s * 1e3:.0f} ms",
                f"{p99_s * 1e3:.0f} ms",
                f"{max(served) / np.mean(served):.2f}",
            )
        )
    return rows


def poison(num_pods: int, duration_s: float) -> Table:
    """One of 1,000 keys sends 20 photos a second that kill their pod for 30 s; 20 % load."""
    ways: dict[str, Maker] = {
        "one fleet": least_of_two,
        f"{NUM_CELLS} cells": partial(in_cells, num_cells=NUM_CELLS, within=least_of_two),
        f"shards of {SHARD_SIZE} pods": partial(in_shards, shard_size=SHARD_SIZE),
        f"{NUM_CELLS} cells, shards of {SHARD_SIZE}": partial(
            in_cells, num_cells=NUM_CELLS, within=partial(in_shards, shard_size=SHARD_SIZE)
        ),
    }
    rows: Table = [("the fleet", "pods down", "failed, of all others", "keys that lost over 1 %")]
    for name, way in ways.items():
        photos = singles(0.2 * CAPACITY_HZ * num_pods, duration_s, NUM_KEYS, _SEED)
        bad = singles(_POISON_HZ, duration_s, 1, _SEED + 1)
        sent = np.bincount([photo.key for photo in photos], minlength=NUM_KEYS)
        photos += [PhotoRequest(0, -1 - i, p.arrived_s, is_poison=True) for i, p in enumerate(bad)]
        run = _run(way, photos, num_pods, 0.0, until_s=duration_s)
        failed = np.array([run.record.failures[key] for key in range(1, NUM_KEYS)])
        rows.append(
            (
                name,
                str(sum(not pod.is_up for pod in run.pods)),
                f"{failed.sum() / sent[1:].sum():.2%}",
                f"{(failed > 0.01 * sent[1:]).sum()} of {NUM_KEYS - 1}",
            )
        )
    return rows


def growth(num_pods: int, duration_s: float) -> Table:
    """One more pod: how many photos change their pod."""
    photos = range(20_000)
    before, after = Ring(range(num_pods)), Ring(range(num_pods + 1))
    moved = np.mean([next(before.walk(p)) != next(after.walk(p)) for p in photos])
    modulo = np.mean([hash_of(p) % num_pods != hash_of(p) % (num_pods + 1) for p in photos])
    return [
        ("hash", "photos that change their pod"),
        ("consistent ring", f"{moved:.2%}"),
        ("modulo the number of pods", f"{modulo:.2%}"),
    ]


def _run(
    way: Maker,
    photos: Sequence[PhotoRequest],
    num_pods: int,
    since_s: float,
    until_s: float | None = None,
) -> Run:
    env, record = simpy.Environment(), Record(since_s)
    pods = fleet(env, num_pods, record)
    simulate(env, way(pods, random.Random(_SEED)), photos, record, until_s)
    return Run(record, pods)
