"""Writes the answers to bytes that never become a request: RFC 9457 problems."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final, NamedTuple


class Refusal(NamedTuple):
    """What HTTP says about a connection that is refused."""

    status: int
    code: str
    title: str


BAD_REQUEST: Final = Refusal(400, "bad_request", "Bad request")
HEADERS_TIMEOUT: Final = Refusal(408, "headers_timeout", "Request headers came too slowly")
HEADERS_TOO_LARGE: Final = Refusal(431, "headers_too_large", "Request headers too large")
TOO_MANY_CONNECTIONS: Final = Refusal(503, "too_many_connections", "Too many connections")


def answer(refusal: Refusal, detail: str) -> bytes:
    """Return a whole HTTP answer, after which the connection is closed."""
    members = {
        "type": f"/problems/{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": detail,
        "code": refusal.code,
        "request_id": "",
        "instance": "",
    }
    if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
        members["retry_after_ms"] = 1000
    body = json.dumps(members).encode()
    lines = [
        f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *(["Retry-After: 1"] if "retry_after_ms" in members else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
