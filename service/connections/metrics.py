"""Counts connections."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

REASONS: Final = (
    "connection_limit",
    "first_byte_timeout",
    "header_bytes",
    "header_count",
    "header_timeout",
    "idle_timeout",
    "invalid",
    "pipeline",
    "write_timeout",
)


class ConnectionMetrics:
    """The instruments of one port's connections.

    Args:
        registry: where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.open = Gauge(
            "relight_connections", "Connections of the API's port that are open.", registry=registry
        )
        self.closed = Counter(
            "relight_connections_closed",
            "Connections that the service ended, by reason.",
            ["reason"],
            registry=registry,
        )
        for reason in REASONS:
            self.closed.labels(reason)
