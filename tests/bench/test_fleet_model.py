"""The model of a fleet does what it says, at its smallest."""

from __future__ import annotations

import random

import pytest
import simpy

from bench.fleet_model.experiments import SHARD_SIZE
from bench.fleet_model.pods import RESTART_S, PhotoRequest, Pod, Record
from bench.fleet_model.routing import (
    LOAD_BOUND,
    Ring,
    at_random,
    by_bounded_hash,
    by_hash,
    in_cells,
    in_shards,
    least_of_two,
)
from bench.fleet_model.simulation import fleet, simulate, singles, sliders


def run(way, photos, num_pods, until_s=None):
    env, record = simpy.Environment(), Record(0.0)
    pods = fleet(env, num_pods, record)
    simulate(env, way(pods, random.Random(1)), photos, record, until_s)
    return record, pods


def test_a_photo_alone_takes_as_long_as_a_batch_of_one():
    record, _ = run(at_random, [PhotoRequest(0, 0, 1.0)], 2)
    assert record.latencies_s == [pytest.approx(0.0375)]


@pytest.mark.parametrize("way", [at_random, least_of_two, by_hash, by_bounded_hash])
def test_every_photo_has_one_outcome_and_a_full_pod_refuses(way):
    photos = singles(400.0, 5.0, 10, seed=1)  # four times the capacity of two pods
    record, _ = run(way, photos, 2)
    assert record.outcomes.total() == len(photos)
    assert record.outcomes["refused"] > len(photos) / 2
    assert max(record.latencies_s) < 1.0 + 3 * 0.16
    served_hz = record.outcomes["served"] / 5.0
    assert 80 < served_hz < 130


def test_a_hash_of_the_photo_finds_the_pod_that_caches_it():
    photos = sliders(100.0, 4.0, 10, seed=1, length=10, step_s=0.2)
    hits = {way: run(way, photos, 10)[0].outcomes["hit"] for way in (at_random, by_hash)}
    assert hits[by_hash] > 0.8 * len(photos)
    assert hits[at_random] < 0.5 * len(photos)


def test_a_bounded_hash_passes_over_a_pod_at_its_bound():
    env = simpy.Environment()
    pods = fleet(env, 10, Record(0.0))
    route = by_bounded_hash(pods, random.Random(1))
    photo = PhotoRequest(0, 5, 0.0)
    first = next(route(photo))
    while next(route(photo)) is first:
        assert first.num_outstanding < LOAD_BOUND * (first.num_outstanding + 1) / 10 + 1
        assert first.offer(PhotoRequest(0, 6, 0.0))
    assert first.num_outstanding >= 1


def test_a_new_pod_takes_its_share_of_photos_and_moves_no_other():
    before, after = Ring(range(50)), Ring(range(51))
    photos = range(5000)
    moved = [p for p in photos if next(before.walk(p)) != next(after.walk(p))]
    assert {next(after.walk(p)) for p in moved} == {50}
    assert len(moved) / 5000 == pytest.approx(1 / 51, rel=0.5)


def test_poison_reaches_no_pod_outside_of_its_keys_shard_or_cell():
    poison = [PhotoRequest(0, -1 - i, 0.05 * i, is_poison=True) for i in range(100)]

    def num_down(way) -> int:
        _, pods = run(way, poison, 60, until_s=6.0)
        return sum(not pod.is_up for pod in pods)

    def cells(pods, generator):
        return in_cells(pods, generator, num_cells=3, within=least_of_two)

    def shards(pods, generator):
        return in_shards(pods, generator, shard_size=SHARD_SIZE)

    assert num_down(least_of_two) > 30
    assert num_down(cells) <= 20
    assert num_down(shards) <= SHARD_SIZE


def test_a_pod_that_died_loses_its_photos_and_comes_back_empty():
    env, record = simpy.Environment(), Record(0.0)
    pod = Pod(env, record)
    assert pod.offer(PhotoRequest(0, 1, 0.0))
    env.run(1.0)
    assert pod.offer(PhotoRequest(0, 1, 1.0))  # from the cache
    assert pod.offer(PhotoRequest(0, 2, 1.0, is_poison=True))
    assert pod.offer(PhotoRequest(1, 3, 1.0))
    env.run(2.0)
    assert not pod.offer(PhotoRequest(1, 4, 2.0))
    env.run(3.0 + RESTART_S)
    assert pod.offer(PhotoRequest(0, 1, env.now))
    env.run()
    assert record.outcomes == {"served": 2, "hit": 1, "lost": 1}
    assert record.failures == {1: 1}
