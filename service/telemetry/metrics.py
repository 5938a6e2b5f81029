"""Prometheus metrics, created at start with every label, so that `rate()` works at once.

Base units, bounded labels: a caller can never create a series.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from relight import errors
from service.telemetry.labels import Origin, Place, Stage

PRIORITIES: Final = ("interactive", "bulk")
REJECTIONS: Final = MappingProxyType(  # a problem's code -> why
    {
        errors.Overloaded.code: "overload",
        errors.Draining.code: "draining",
        errors.ModelNotReady.code: "not_ready",
        errors.ServerFull.code: "bytes",
        errors.RateLimited.code: "rate_limit",
        errors.Unauthorized.code: "auth",
        errors.Forbidden.code: "auth",
    }
)
DECODE_FAILURES: Final = (
    errors.UnsupportedMediaType.code,
    errors.ImageCorrupt.code,
    errors.ImageTooLarge.code,
    errors.ImageTooSmall.code,
    errors.ImageAnimated.code,
    errors.ImageTooSlow.code,
)
# A client that gives less time than a photo takes on a quiet server is late by its own choice.
SHORT_S: Final = 1.0
DEADLINES: Final = ("short", "enough")
OUTCOMES: Final = ("ok", "client_error", "refused", "server_error", "client_left")
UNMATCHED: Final = "unmatched"  # one series for all unknown paths

_DURATION_BUCKETS_S: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.02,
    0.03,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.3,
    0.5,
    0.75,
    1.0,
    1.5,
    2.0,
    3.0,
    5.0,
    10.0,
    30.0,
)
_BODY_BUCKETS_BYTES: Final = tuple(2.0**power for power in range(14, 27))


class Metrics:
    """The metrics of one process.

    Args:
        registry: registers the metrics; never the global one.
        routes: (method, path) of every route.
        codes: every HTTP status that a route can answer.
        problems: codes of what can go wrong with a photo.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        routes: Iterable[tuple[str, str]],
        codes: Iterable[int],
        problems: Iterable[str] = (),
    ) -> None:
        self.registry = registry
        self._init_http(registry)
        self._init_relight(registry)
        self._init_ends(registry)
        self._init_process(registry)
        codes = set(codes)
        for method, path in (*routes, ("any", UNMATCHED)):
            for outcome in OUTCOMES:
                self.http_duration_s.labels(path, outcome)
            for code in codes:
                self.http_requests.labels(path, method, code)
        for problem in problems:
            self.batch_photos_failed.labels(problem)
        for stage in Stage:
            self.stage_duration_s.labels(stage)
        for place in Place:
            self.cancelled.labels(place)
            for given in DEADLINES:
                self.deadline_exceeded.labels(place, given)
        for reason in set(REJECTIONS.values()):
            self.rejected.labels(reason)
        for reason in DECODE_FAILURES:
            self.decode_failures.labels(reason)
        for priority in PRIORITIES:
            self.outstanding.labels(priority)
        for origin in Origin:
            self.cache_requests.labels(origin)

    def count_problem(self, code: str | None) -> None:
        """Count requests refused before any work, and invalid photos."""
        if code is not None and code in REJECTIONS:
            self.rejected.labels(REJECTIONS[code]).inc()
        elif code in DECODE_FAILURES:
            self.decode_failures.labels(code).inc()

    def count_answer(
        self, stages_s: Mapping[str, float], *, num_bytes: int | None, origin: str | None
    ) -> None:
        """Count an answer that was made.

        Args:
            stages_s: duration of each stage.
            num_bytes: its size; None if the caller has it already.
            origin: where the model's output came from; None if it was not needed.
        """
        for stage, duration_s in stages_s.items():
            self.stage_duration_s.labels(stage).observe(duration_s)
        if num_bytes is not None:
            self.response_bytes.observe(num_bytes)
        if origin is not None:
            self.cache_requests.labels(origin).inc()

    def _init_http(self, registry: CollectorRegistry) -> None:
        self.http_requests = Counter(
            "relight_http_requests",
            "Requests answered; code 499: the client left first.",
            ["route", "method", "code"],
            registry=registry,
        )
        self.http_duration_s = Histogram(
            "relight_http_request_duration_seconds",
            "From the request's head to the answer's last byte; refused: 429 and 503.",
            ["route", "outcome"],
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
            "Bytes of the relit images and maps sent.",
            buckets=_BODY_BUCKETS_BYTES,
            registry=registry,
        )

    def _init_relight(self, registry: CollectorRegistry) -> None:
        self.outstanding = Gauge(
            "relight_requests_outstanding",
            "Photos admitted and not answered yet: what to scale by.",
            ["priority"],
            registry=registry,
        )
        self.stage_duration_s = Histogram(
            "relight_stage_duration_seconds",
            "Time of each stage of a request for a photo or maps.",
            ["stage"],
            buckets=_DURATION_BUCKETS_S,
            registry=registry,
        )
        self.cache_requests = Counter(
            "relight_cache_requests",
            "Photos by where the model's output came from.",
            ["origin"],
            registry=registry,
        )
        self.cache_bytes = Gauge(
            "relight_cache_bytes",
            "Bytes of model outputs and of decoded photos that are kept.",
            registry=registry,
        )

    def _init_ends(self, registry: CollectorRegistry) -> None:
        """The outcomes of requests without an image."""
        self.rejected = Counter(
            "relight_rejected",
            "Requests refused before any work was done for them.",
            ["reason"],
            registry=registry,
        )
        self.decode_overruns = Counter(
            "relight_decode_overruns",
            "Pictures that outlived their decode budget.",
            registry=registry,
        )
        self.cancelled = Counter(
            "relight_cancelled",
            "Requests whose client left before the answer, by where they were.",
            ["stage"],
            registry=registry,
        )
        self.deadline_exceeded = Counter(
            "relight_deadline_exceeded",
            f"Requests whose deadline passed, by where they were; short: under {SHORT_S:g} s.",
            ["stage", "given"],
            registry=registry,
        )
        self.batch_photos_failed = Counter(
            "relight_batch_photos_failed",
            "Photos of a batch that failed, by their problem; the batch's own status is 200.",
            ["code"],
            registry=registry,
        )
        self.decode_failures = Counter(
            "relight_decode_failures", "Photos refused, by reason.", ["reason"], registry=registry
        )

    def _init_process(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)  # memory, CPU time, when it started
        self.bytes_in_flight = Gauge(
            "relight_bytes_in_flight",
            "Bytes of bodies, pixels and answers that requests hold.",
            registry=registry,
        )
        self.memory_limit_bytes = Gauge(
            "relight_memory_limit_bytes",
            "Memory that this process may use: the cgroup's limit, else the machine's.",
            registry=registry,
        )
        self.cpu_threads = Gauge(
            "relight_cpu_threads",
            "Threads that decode and encode: one for each CPU of the cgroup's quota.",
            registry=registry,
        )
        self.working_bytes = Gauge(
            "relight_working_bytes",
            "Bytes that decoders and encoders are expected to take now.",
            registry=registry,
        )
        self.event_loop_lag_s = Histogram(
            "relight_event_loop_lag_seconds",
            "How much later than asked for the event loop woke a task.",
            buckets=_DURATION_BUCKETS_S,
            registry=registry,
        )
