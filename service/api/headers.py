"""The documented headers of requests and answers, in OpenAPI's form."""

from __future__ import annotations

from typing import Any, Final, get_args

from service.api.access import PRIORITY_HEADER, TIMEOUT_HEADER
from service.api.deferral import APPLIED, IDEMPOTENCY_KEY, PREFER, RESPOND_ASYNC, WEBHOOK_URL
from service.imaging import DIGITAL_SOURCE_TYPE
from service.relighting.request import ContentCredentials
from service.telemetry.labels import Origin
from service.telemetry.stage_timings import Timings


def _header(description: str, example: object, **schema: object) -> dict[str, Any]:
    return {
        "description": description,
        "schema": {"type": "string", **schema},
        "example": example,
    }


HEADER_LENGTH: Final = "Inference-Header-Content-Length"
_LENGTH: Final = _header(
    "length of the JSON, where tensors follow it in binary", 152, type="integer", minimum=1
)
REQUEST_HEADERS: Final[dict[str, dict[str, Any]]] = {
    TIMEOUT_HEADER: {
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
        "description": "time limit of the request, in milliseconds; can only shorten the default",
        "example": 20_000,
    },
    PRIORITY_HEADER: {
        "schema": {"type": "string", "enum": ["interactive", "bulk"]},
        "description": "bulk work yields to interactive work, but ages",
        "example": "bulk",
    },
    PREFER: {
        "schema": {"type": "string"},
        "description": "`respond-async`: answer 202 at once, with the address of a job; for a "
        "job's state, `wait=20`: answer once the job has ended, or after so many seconds (30 at "
        "most)",
        "example": RESPOND_ASYNC,
    },
    IDEMPOTENCY_KEY: {
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
        "description": "for a job: the same request, sent again with this key, is the same job",
        "example": "5f0c2a7d-9b1e-4f60-a1b2-c3d4e5f60718",
    },
    WEBHOOK_URL: {
        "schema": {"type": "string", "format": "uri", "maxLength": 2000},
        "description": "for a job: where to POST that it has ended, at a host that the operator "
        "allows",
        "example": "https://hooks.example.com/relit",
    },
    "If-None-Match": {
        "schema": {"type": "string"},
        "description": "entity tags of cached answers; a match returns 304 without any work",
        "example": 'W/"3f0c2a7d9b1e4f60a1b2c3d4e5f60718"',
    },
    HEADER_LENGTH: _LENGTH,
}
ANSWER_HEADERS: Final = {
    "Content-Disposition": _header("a name for the archive", 'attachment; filename="relit.zip"'),
    "ETag": _header(
        "weak entity tag of the answer, for `If-None-Match`",
        REQUEST_HEADERS["If-None-Match"]["example"],
    ),
    HEADER_LENGTH: _LENGTH,
    "Location": _header("the address of the job", "/jobs/3f0c2a7d9b1e4f60a1b2c3d4e5f60718"),
    APPLIED: _header("that the request has become a job", RESPOND_ASYNC),
    "Retry-After": _header(
        "when to retry, in seconds; `retry_after_ms` is exact", 2, type="integer", minimum=1
    ),
    "Server-Timing": _header(
        "duration of each stage, in ms",
        'read;dur=1.2, decode;dur=46.0, infer;dur=85.1;desc="n=1"',
    ),
    "Vary": _header("the answer's format follows the request's `Accept`", "Accept"),
    "WWW-Authenticate": _header("how to send a key", "Bearer"),
    "X-Cache": _header("origin of the model's output", "hit", enum=[o.value for o in Origin]),
    "X-Content-Credentials": _header(
        "whether the answer has a signed C2PA manifest; if not, whether the photo's was dropped",
        "none",
        enum=list(get_args(ContentCredentials)),
    ),
    "X-Digital-Source-Type": _header(
        "the mark in the file's XMP: IPTC's concept for an edit with AI", DIGITAL_SOURCE_TYPE
    ),
    "X-Light": _header(
        "the light of the answer: direction and temperature, or the lamp's options "
        "where the model computes the light",
        "lamp;azimuth=60;elevation=30;softness=0.2;intensity=0;temperature=3200",
    ),
    "X-Model": _header("the model's name and checksum", "drn-s@757740b10795"),
    "X-Request-ID": _header(
        "the id of the request, its own or a new one, for the log",
        "0d6f1f1c5b7c4f8fa5a0c8a3c1f0d7b2",
    ),
}
PHOTO_HEADERS: Final = (  # of a relit photo
    "ETag",
    "Server-Timing",
    "Vary",
    "X-Cache",
    "X-Content-Credentials",
    "X-Digital-Source-Type",
    "X-Light",
    "X-Model",
)


def header_parameter(name: str) -> dict[str, Any]:
    """Return a header of requests, as a parameter of an operation."""
    return {"name": name, "in": "header", **REQUEST_HEADERS[name]}


def headers_of(*names: str) -> dict[str, Any]:
    """Return references to these headers of an answer, and to the one of every answer."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, "X-Request-ID")}


def server_timing(timings: Timings) -> str:
    """Write W3C Server-Timing: `decode;dur=12.3, infer;dur=20.1;desc="n=4"`."""
    return ", ".join(
        f"{stage};dur={duration_s * 1e3:.1f}"
        + (f';desc="n={timings.batch_sizes[stage]}"' if stage in timings.batch_sizes else "")
        for stage, duration_s in timings.stages_s.items()
    )
