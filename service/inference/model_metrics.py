"""Prometheus instruments of the models and their device.

`part` is the graph: `whole` for a "relight/1" model, `scene` and `light` for a pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.batching.job import Batch
from service.batching.urgency import Priority
from service.contract.buckets import Bucket
from service.inference.model import BatchKey, Model

_RELOADS: Final = ("ok", "error")


class ModelMetrics:
    """The metrics of all models; a model's series exist while it serves.

    Args:
        registry: registers the metrics; never the global one.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._init_queue(registry)
        self._init_device(registry)
        self.info = Gauge(
            "relight_model_info",
            "Always 1; the labels name the model.",
            ["model", "version", "sha256", "provider", "precision"],
            registry=registry,
        )
        self.ready = Gauge(
            "relight_model_ready", "1 once the models are loaded and warm.", registry=registry
        )
        self.load_s = Gauge(
            "relight_model_load_seconds", "Time to load and warm the models.", registry=registry
        )
        self.reloads = Counter(
            "relight_model_reloads",
            "Reloads asked for; after an error the old models serve on.",
            ["result"],
            registry=registry,
        )
        for result in _RELOADS:
            self.reloads.labels(result)

    def _init_queue(self, registry: CollectorRegistry) -> None:
        self.queue_depth = Gauge(
            "relight_queue_depth",
            "Images that wait for the device.",
            ["model", "part", "bucket", "priority"],
            registry=registry,
        )
        self.oldest_age_s = Gauge(
            "relight_queue_oldest_age_seconds",
            "For how long the image that waits longest has waited for the device.",
            ["model"],
            registry=registry,
        )
        self.estimated_wait_s = Gauge(
            "relight_estimated_wait_seconds",
            "The wait for the device that admission expects now.",
            ["model"],
            registry=registry,
        )

    def _init_device(self, registry: CollectorRegistry) -> None:
        self.batch_size = Histogram(
            "relight_batch_size",
            "Images in one call of the device.",
            ["model", "part"],
            buckets=(1, 2, 3, 4, 6, 8, 12, 16, 32, 64),
            registry=registry,
        )
        self.batch_failures = Counter(
            "relight_batch_failures",
            "Calls of the device that failed.",
            ["model", "part"],
            registry=registry,
        )
        self.out_of_memory = Counter(
            "relight_out_of_memory",
            "Calls of the device that it had no memory for; that size is not used again.",
            ["model", "part"],
            registry=registry,
        )
        self.device_busy_s = Counter(
            "relight_device_busy_seconds",
            "Time that the device spent on batches; its rate is the duty cycle.",
            ["model", "part"],
            registry=registry,
        )
        self.last_success = Gauge(
            "relight_engine_last_success_timestamp_seconds",
            "When the device last finished a batch.",
            ["model", "part"],
            registry=registry,
        )

    def add(self, model: Model) -> None:
        """Create the series of a model, or point the series of its name to this one."""
        name, batcher = model.name, model.batcher
        self.info.labels(*_info_of(model)).set(1)
        for part in model.parts:
            for family in (
                self.batch_size,
                self.batch_failures,
                self.out_of_memory,
                self.device_busy_s,
                self.last_success,
            ):
                family.labels(name, part)
        self.estimated_wait_s.labels(name).set_function(lambda: batcher.wait_s)
        self.oldest_age_s.labels(name).set_function(lambda: batcher.oldest_age_s)
        for part, bucket, priority in _queues_of(model):
            depth = self.queue_depth.labels(name, part, str(bucket), priority.name.lower())
            key = BatchKey(part, bucket.height_px, bucket.width_px)
            depth.set_function(partial(batcher.waiting, key, priority))

    def remove(self, model: Model) -> None:
        """Remove the gauges of a model; its counters stay."""
        self.info.remove(*_info_of(model))
        self.estimated_wait_s.remove(model.name)
        self.oldest_age_s.remove(model.name)
        for part, bucket, priority in _queues_of(model):
            self.queue_depth.remove(model.name, part, str(bucket), priority.name.lower())

    def observe(self, name: str, batch: Batch) -> None:
        """Count a batch of the model of that name."""
        assert isinstance(batch.key, BatchKey)
        labels = (name, batch.key.part)
        self.batch_size.labels(*labels).observe(batch.size)
        self.device_busy_s.labels(*labels).inc(batch.duration_s / batch.concurrency)
        if batch.lacked_memory:
            self.out_of_memory.labels(*labels).inc()
        if batch.failed:
            self.batch_failures.labels(*labels).inc()
        else:
            self.last_success.labels(*labels).set_to_current_time()


def _info_of(model: Model) -> tuple[str, ...]:
    return (model.name, model.contract.version, model.sha256, model.provider, model.precision)


def _queues_of(model: Model) -> Iterator[tuple[str, Bucket, Priority]]:
    return product(model.parts, model.buckets, Priority)
