"""Prometheus instruments of the models and their device."""

from __future__ import annotations

from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.batching.job import Batch
from service.batching.urgency import Priority
from service.inference.loading import Model

_RELOADS: Final = ("ok", "error")


class ModelMetrics:
    """The instruments of all models; a model's series exist while it serves.

    Args:
        registry: where they are registered; never the global one.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._init_queue(registry)
        self._init_device(registry)
        self.info = Gauge(
            "relight_model_info",
            "Always 1; the labels tell what is loaded.",
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
            ["model", "bucket", "priority"],
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
            ["model"],
            buckets=(1, 2, 3, 4, 6, 8, 12, 16, 32, 64),
            registry=registry,
        )
        self.batch_failures = Counter(
            "relight_batch_failures",
            "Calls of the device that failed.",
            ["model"],
            registry=registry,
        )
        self.out_of_memory = Counter(
            "relight_out_of_memory",
            "Calls of the device that it had no memory for; that size is not used again.",
            ["model"],
            registry=registry,
        )
        self.device_busy_s = Counter(
            "relight_device_busy_seconds",
            "Time that the device spent on batches; its rate is the duty cycle.",
            ["model"],
            registry=registry,
        )
        self.last_success = Gauge(
            "relight_engine_last_success_timestamp_seconds",
            "When the device last finished a batch.",
            ["model"],
            registry=registry,
        )

    def add(self, model: Model) -> None:
        """Make the series of a model, or let those of its name tell about this one."""
        name, batcher = model.contract.name, model.batcher
        self.info.labels(
            name, model.contract.version, model.sha256, model.provider, model.contract.precision
        ).set(1)
        for family in (
            self.batch_size,
            self.batch_failures,
            self.out_of_memory,
            self.device_busy_s,
            self.last_success,
        ):
            family.labels(name)
        self.estimated_wait_s.labels(name).set_function(lambda: batcher.wait_s)
        self.oldest_age_s.labels(name).set_function(lambda: batcher.oldest_age_s)
        for bucket in model.buckets:
            for priority in Priority:
                depth = self.queue_depth.labels(name, str(bucket), priority.name.lower())
                key = (bucket.height_px, bucket.width_px)
                depth.set_function(partial(batcher.waiting, key, priority))

    def remove(self, model: Model) -> None:
        """End the gauges of a model; its counters stay, as counters do."""
        name = model.contract.name
        self.info.remove(
            name, model.contract.version, model.sha256, model.provider, model.contract.precision
        )
        self.estimated_wait_s.remove(name)
        self.oldest_age_s.remove(name)
        for bucket in model.buckets:
            for priority in Priority:
                self.queue_depth.remove(name, str(bucket), priority.name.lower())

    def observe(self, name: str, batch: Batch) -> None:
        """Count a batch that a model of that name ran."""
        self.batch_size.labels(name).observe(batch.size)
        self.device_busy_s.labels(name).inc(batch.duration_s)
        if batch.lacked_memory:
            self.out_of_memory.labels(name).inc()
        if batch.failed:
            self.batch_failures.labels(name).inc()
        else:
            self.last_success.labels(name).set_to_current_time()
