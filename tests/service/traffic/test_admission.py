"""What is known to be on its way to the device."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from service.inference.fake_engine import FakeEngine
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
