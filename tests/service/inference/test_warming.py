"""Tests of warming up: sizes that exceed the memory are left out."""

from __future__ import annotations

import itertools

from relight.errors import OutOfMemory
from service.batching.durations import Durations
from service.batching.sizes import BatchSizes
from service.contract.buckets import Bucket
from service.inference.fake_engine import FakeEngine
from service.inference.model import WHOLE, BatchKey
from service.inference.warming import warm_up


def test_a_number_of_pictures_is_left_out_if_any_one_of_them_lacks_memory(monkeypatch):
    engine = FakeEngine()
    engine.max_concurrency = 2
    calls, run = itertools.count(), engine.run

    def short_of_memory(tensors, concurrency=1):
        if concurrency > 1 and next(calls) % 2:  # the first call of two succeeds
            raise OutOfMemory("there is none left")
        return run(tensors, concurrency)

    monkeypatch.setattr(engine, "run", short_of_memory)
    sizes = BatchSizes([1, 2])
    buckets = [Bucket(32, 32)]
    warm_up(WHOLE, engine, Durations(), buckets=buckets, batch_sizes=[1, 2], sizes=sizes)

    assert sizes.largest(BatchKey(WHOLE, 32, 32)) == 1
