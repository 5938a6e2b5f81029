from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from service.batching.job import Batch
from service.inference.model import BatchKey
from service.inference.model_metrics import ModelMetrics


@pytest.mark.parametrize("concurrency", [1, 2, 4])
def test_a_device_is_busy_once_however_many_batches_share_it(concurrency):
    registry = CollectorRegistry()
    metrics = ModelMetrics(registry)
    key = BatchKey("scene", 208, 320)
    for _ in range(concurrency):
        metrics.observe("m", Batch(key, 1, 0.5, failed=False, concurrency=concurrency))
    labels = {"model": "m", "part": "scene"}
    assert registry.get_sample_value("relight_device_busy_seconds_total", labels) == 0.5
    assert registry.get_sample_value("relight_batch_size_count", labels) == concurrency
