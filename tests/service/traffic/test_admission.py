"""What is known to be on its way to the device."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from relight.errors import DeadlineExceeded, Overloaded
from service.batching.urgency import Priority
from service.contract.pair import PARTS
from service.inference.fake_engine import FakeEngine
from service.inference.fake_pair import FakePairEngine
from service.inference.model_metrics import ModelMetrics
from service.inference.repository import ModelRepository
from service.traffic.admission import Admission
from service.traffic.cpu_pool import CpuPool


@pytest.fixture
def admission(tmp_path: Path) -> Admission:
    repository = ModelRepository(
        tmp_path,
        lambda path: FakeEngine(lambda n: 0.0),
        max_batch_size=None,
        max_wait_s=1.0,
        metrics=ModelMetrics(CollectorRegistry()),
    )
    return Admission(repository, CpuPool(1), max_wait_s=1.0)


async def test_a_scene_that_is_kept_needs_no_time_for_reading(tmp_path):
    """The estimate counts what is left to do: reading and lighting, or lighting alone."""
    for part in PARTS:
        (tmp_path / f"fake.{part}.onnx").touch()
    read_s = {"scene": 0.5, "light": 0.0}

    def open_engine(path: Path) -> FakePairEngine:
        part = path.stem.rpartition(".")[2]
        return FakePairEngine(part, lambda n: read_s[part])

    repository = ModelRepository(
        tmp_path,
        open_engine,
        max_batch_size=1,
        bucket_shapes="square",
        max_wait_s=10.0,
        metrics=ModelMetrics(CollectorRegistry()),
    )
    await repository.start()
    (model,) = repository.models
    admission = Admission(repository, CpuPool(1), max_wait_s=10.0)
    place = (Priority.INTERACTIVE, "somebody")
    admission.check(time.monotonic() + 0.4, *place, model=model, is_read=True)
    admission.check(time.monotonic() + 0.4, *place)  # whose photo it is will show
    with pytest.raises(DeadlineExceeded):
        admission.check(time.monotonic() + 0.4, *place, model=model)
    await repository.close()


class BusyPool(CpuPool):
    """A pool whose threads are free after `busy_s`."""

    busy_s = 0.0

    def wait_s(self, caller: str) -> float:
        return self.busy_s


async def test_a_wait_for_the_cpu_beyond_the_limit_is_refused(tmp_path):
    (tmp_path / "fake.onnx").touch()
    repository = ModelRepository(
        tmp_path,
        lambda path: FakeEngine(lambda n: 0.0),
        max_batch_size=1,
        bucket_shapes="square",
        max_wait_s=60.0,
        metrics=ModelMetrics(CollectorRegistry()),
    )
    await repository.start()
    pool = BusyPool(1)
    admission = Admission(repository, pool, max_wait_s=60.0)
    place = (Priority.INTERACTIVE, "somebody")
    pool.busy_s = 59.0
    admission.check(time.monotonic() + 3600, *place)
    for pool.busy_s, deadline_s in ((61.0, 3600), (59.0, 50)):
        with pytest.raises(Overloaded) as refusal:
            admission.check(time.monotonic() + deadline_s, *place)
        assert refusal.value.retry_after_s == pool.busy_s
    await repository.close()


def test_shared_work_is_no_longer_expected_once_one_of_its_sharers_brought_it(admission):
    with admission.coming("a", "photo"):
        assert admission.expects("photo")
        with admission.coming("b", "photo"):
            pass
        assert not admission.expects("photo")
    assert not admission.expects("photo")


def test_shared_work_is_still_expected_when_one_of_its_sharers_fails(admission):
    with admission.coming("a", "photo"):
        with pytest.raises(ValueError, match="corrupt"), admission.coming("a", "photo"):
            raise ValueError("corrupt")
        assert admission.expects("photo")
    assert not admission.expects("photo")


def test_work_that_failed_for_all_is_not_expected(admission):
    with pytest.raises(ValueError, match="corrupt"), admission.coming("a", "photo"):
        raise ValueError("corrupt")
    assert not admission.expects("photo")
