"""Prometheus instruments of jobs and webhooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

OUTCOMES: Final = ("succeeded", "failed", "cancelled")
DELIVERIES: Final = ("delivered", "failed")


class JobMetrics:
    """The metrics of all jobs.

    Args:
        registry: registers the metrics; never the global one.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ended = Counter(
            "relight_jobs_ended", "Jobs that ended, by how.", ["outcome"], registry=registry
        )
        self.webhooks = Counter(
            "relight_webhooks", "Webhooks, by how they ended.", ["outcome"], registry=registry
        )
        self._jobs = Gauge(
            "relight_jobs",
            "Jobs in memory: that wait, run, or have ended.",
            ["state"],
            registry=registry,
        )
        self._bytes = Gauge(
            "relight_job_bytes", "Bytes of bodies and results that jobs hold.", registry=registry
        )
        for outcome in OUTCOMES:
            self.ended.labels(outcome)
        for outcome in DELIVERIES:
            self.webhooks.labels(outcome)

    def watch(
        self,
        num_waiting: Callable[[], int],
        num_running: Callable[[], int],
        num_ended: Callable[[], int],
        num_bytes: Callable[[], int],
    ) -> None:
        """Show numbers that are asked for whenever the metrics are read."""
        counts = {"waiting": num_waiting, "running": num_running, "ended": num_ended}
        for state, count in counts.items():
            self._jobs.labels(state).set_function(count)
        self._bytes.set_function(num_bytes)
