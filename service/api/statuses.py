"""The HTTP statuses of answers, and the outcome that each stands for in the metrics."""

from __future__ import annotations

from typing import Final

CLIENT_LEFT: Final = 499  # for logs and metrics only: the client has left


def outcome_of(status: int) -> str:
    """Return the entry of `service.telemetry.metrics.OUTCOMES` for a status."""
    if status == CLIENT_LEFT:
        return "client_left"
    if status in {429, 503}:
        return "refused"
    if status < 400:
        return "ok"
    return "client_error" if status < 500 else "server_error"
