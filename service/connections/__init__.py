"""Bounds what a connection costs before a request exists, and after its answer is made."""

from __future__ import annotations

from service.connections.limits import ConnectionLimits
from service.connections.metrics import ConnectionMetrics
from service.connections.protocol import BoundedProtocol
from service.connections.refusals import HEADERS_TIMEOUT, HEADERS_TOO_LARGE, TOO_MANY_CONNECTIONS

__all__ = [
    "HEADERS_TIMEOUT",
    "HEADERS_TOO_LARGE",
    "TOO_MANY_CONNECTIONS",
    "BoundedProtocol",
    "ConnectionLimits",
    "ConnectionMetrics",
]
