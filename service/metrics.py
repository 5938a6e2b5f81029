"""Prometheus instruments, all made at start with every label, so that `rate()` works at once.

Base units, bounded labels: a caller can never create a series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

STAGES: Final = ("read", "decode", "queue", "infer", "color", "detail", "encode")
REJECTIONS: Final = ("overloaded", "draining", "model_not_ready", "deadline_exceeded")
UNMATCHED: Final = "unmatched"  # one series for every path that is no route

_DURATION_BUCKETS_S: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3),
    *(0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
)
_BODY_BUCKETS_BYTES: Final = tuple(2.0**power for power in range(14, 27))


class Metrics:
    """The instruments of one process.

    Args:
        registry: where they are registered; never the global one.
        routes: (method, path) of every route.
        codes: every HTTP status that a route can answer.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        routes: Iterable[tuple[str, str]],
        codes: Iterable[int],
    ) -> None:
        self.registry = registry
        self._init_requests(registry)
        self._init_device(registry)
        for method, path in routes:
            self.http_duration_s.labels(path)
            for code in codes:
                self.http_requests.labels(path, method, code)
        self.http_duration_s.labels(UNMATCHED)
        for stage in STAGES:
            self.stage_duration_s.labels(stage)
        for reason in REJECTIONS:
            self.rejected.labels(reason)

    def _init_requests(self, registry: CollectorRegistry) -> None:
        self.http_requests = Counter(
            "relight_http_requests",
            "Requests answered; code 499: the client left first.",
            ["route", "method", "code"],
            registry=registry,
        )
        self.http_duration_s = Histogram(
            "relight_http_request_duration_seconds",
            "From the request's head to the answer's last byte.",
            ["route"],
            buckets=_DURATION_BUCKETS_S,
            registry=registry,
        )
        self.body_bytes = Histogram(
            "relight_http_request_body_bytes",
            "Bytes of the photos received.",
            buckets=_BODY_BUCKETS_BYTES,
            registry=registry,
        )
        self.response_bytes = Histogram(
            "relight_http_response_body_bytes",
            "Bytes of the relit images sent.",
            buckets=_BODY_BUCKETS_BYTES,
            registry=registry,
        )
        self.outstanding = Gauge(
            "relight_requests_outstanding",
            "Relight requests admitted and not answered yet: what to scale by.",
            registry=registry,
        )
        self.stage_duration_s = Histogram(
            "relight_stage_duration_seconds",
            "Time of each stage of a relight request.",
            ["stage"],
            buckets=_DURATION_BUCKETS_S,
            registry=registry,
        )
        self.rejected = Counter(
            "relight_rejected", "Requests refused for want of time.", ["reason"], registry=registry
        )
        self.decode_overruns = Counter(
            "relight_decode_overruns",
            "Pictures that outlived their decode budget.",
            registry=registry,
        )
        self.cancelled = Counter(
            "relight_cancelled", "Requests whose client left before the answer.", registry=registry
        )

    def _init_device(self, registry: CollectorRegistry) -> None:
        self.queue_depth = Gauge(
            "relight_queue_depth",
            "Images that wait for the device.",
            ["model", "bucket"],
            registry=registry,
        )
        self.estimated_wait_s = Gauge(
            "relight_estimated_wait_seconds",
            "The wait for the device that admission expects now.",
            ["model"],
            registry=registry,
        )
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
        self.model_info = Gauge(
            "relight_model_info",
            "Always 1; the labels tell what is loaded.",
            ["model", "version", "sha256", "provider", "precision"],
            registry=registry,
        )
        self.model_ready = Gauge(
            "relight_model_ready", "1 once the models are loaded and warm.", registry=registry
        )
        self.model_load_s = Gauge(
            "relight_model_load_seconds", "Time to load and warm the models.", registry=registry
        )

    def add_model(
        self,
        model: str,
        *,
        info: Mapping[str, str],
        depths: Mapping[str, Callable[[], float]],
        wait_s: Callable[[], float],
    ) -> None:
        """Make the series of one model.

        Args:
            model: its name.
            info: version, sha256, provider and precision.
            depths: how many images wait, for each bucket.
            wait_s: the wait that admission expects now.
        """
        self.model_info.labels(model=model, **info).set(1)
        self.batch_size.labels(model)
        self.batch_failures.labels(model)
        self.device_busy_s.labels(model)
        self.last_success.labels(model)
        self.estimated_wait_s.labels(model).set_function(wait_s)
        for bucket, depth in depths.items():
            self.queue_depth.labels(model, bucket).set_function(depth)
