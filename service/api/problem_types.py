"""Documents each problem: its meaning, advice, and an example.

RFC 9457, section 3.1.1: a problem's `type` should lead to documentation for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from relight import errors
from service.api.problems import ALL_KINDS, CONNECTION_KINDS, Kind


class Advice(NamedTuple):
    """Advice for a kind of problem, with an example."""

    text: str
    detail: str
    members: Mapping[str, Any] = MappingProxyType({})


_LATER: Final = MappingProxyType({"retry_after_ms": 1840})

ADVICE: Final[Mapping[str, Advice]] = {
    errors.InvalidMultipart.code: Advice(
        "Send multipart/form-data with the boundary given in its header.",
        "the form is malformed: Missing boundary in multipart.",
    ),
    errors.InvalidTensor.code: Advice(
        "Send the photos as one input `image`: BYTES, or UINT8 of the shape (n, h, w, 3).",
        "there is no input 'image'",
    ),
    errors.MissingImage.code: Advice(
        "Send the photo as the body, or as a file (with a file name) named `image`.",
        "the image is empty: send it as the body, or as a multipart file",
    ),
    errors.InvalidOption.code: Advice(
        "`option` names the option; `allowed` lists the accepted values, if they can be listed.",
        "option 'direction': 'X' is not allowed (Input should be 'N', 'NE', 'E', 'SE', 'S', 'SW', "
        "'W' or 'NW')",
        {"option": "direction", "allowed": ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]},
    ),
    errors.BodyTooLarge.code: Advice(
        "Send fewer bytes; `GET /models` gives the limit.",
        "61000000 bytes or more exceed the limit of 50000000",
    ),
    errors.Unauthorized.code: Advice(
        "Send a key: `Authorization: Bearer <key>`, or `X-Api-Key: <key>`.", "the key is unknown"
    ),
    errors.Forbidden.code: Advice(
        "This needs an admin key; ask an operator.", "this needs an admin key"
    ),
    errors.JobNotFound.code: Advice(
        "Send the request again: a job lives in the memory of the process that took it, for a "
        "limited time, and only its caller's key sees it.",
        "this process has no job '3f0c2a7d9b1e4f60a1b2c3d4e5f60718' for this caller",
    ),
    errors.JobUnfinished.code: Advice(
        "Ask for the job's state first; `Prefer: wait=20` answers as soon as it has ended.",
        "the job is running",
    ),
    errors.IdempotencyKeyReused.code: Advice(
        "Send each new request with a key of its own.",
        "this Idempotency-Key was sent with another request",
    ),
    errors.BodyTimeout.code: Advice(
        "Send the body faster, or a smaller one.", "the body did not arrive within 30 s"
    ),
    errors.UnsupportedMediaType.code: Advice(
        "Send one of the formats that `GET /models` lists; the content counts, not the file name.",
        "the image is none of jpeg, png, webp, avif, tiff, heif",
    ),
    errors.ImageCorrupt.code: Advice(
        "The file is damaged or truncated: upload it again, or save it again in an editor.",
        "the jpeg data are broken or cut off",
    ),
    errors.ImageTooLarge.code: Advice(
        "Make the image smaller; `GET /models` gives the limits.",
        "12000 x 9000 pixels; at most 50000000 in all are accepted",
    ),
    errors.ImageTooSmall.code: Advice(
        "Use a larger image; `GET /models` gives the smallest side.",
        "24 x 32 pixels; a side must have at least 32",
    ),
    errors.ImageAnimated.code: Advice(
        "Send a single frame or page as a separate file.",
        "the image is animated; only still images are accepted",
    ),
    errors.LightUnreadable.code: Advice(
        "Use a reference that is lit from one side and shows surfaces at several angles.",
        "the reference is not lit from a single direction",
    ),
    errors.ImageTooSlow.code: Advice(
        "Save the image again, in another format or without progressive scans.",
        "decoding the image takes longer than 20 s",
    ),
    errors.Overloaded.code: Advice(
        "Retry after `retry_after_ms`, with jitter; no work was done.",
        "the estimated wait of 11840 ms exceeds 10000 ms",
        _LATER,
    ),
    errors.ServerFull.code: Advice(
        "Retry after `retry_after_ms`, with jitter; no work was done.",
        "48000000 bytes more would exceed the 1000000000 that all requests together may hold",
        _LATER,
    ),
    errors.RateLimited.code: Advice(
        "Wait for pending answers before sending more requests with this key.",
        "this key has 8 requests in flight, as many as it may have",
        _LATER,
    ),
    errors.Draining.code: Advice(
        "Retry: another instance will answer.",
        "this process takes no more work",
        _LATER,
    ),
    errors.ModelNotReady.code: Advice(
        "Retry after `retry_after_ms`: the models are being loaded.",
        "the models are still being loaded",
        _LATER,
    ),
    errors.DeadlineExceeded.code: Advice(
        "Allow more time (`X-Request-Timeout-Ms`), or retry when the load is lower.",
        "the deadline passed before the answer was ready",
    ),
    errors.InferenceFailed.code: Advice(
        "Retry once; if it fails again, report the request's id to the operator.",
        "the model failed on this image",
    ),
    errors.OutOfMemory.code: Advice(
        "Retry on another instance; the operator should give this device more memory.",
        "no memory for a batch of 1",
    ),
    errors.DevicePoisoned.code: Advice(
        "Retry: this instance is about to be replaced.", "the device broke down"
    ),
    errors.SigningFailed.code: Advice(
        "Retry once; if it fails again, report the request's id to the operator.",
        "the answer could not be signed",
    ),
    errors.ModelRefused.code: Advice(
        "The models are unchanged. Fix or remove the file named in `detail`, and reload.",
        "nothing changed; drn.onnx: its metadata lack 'lights'",
    ),
    "not_found": Advice("See `/docs` for the available resources.", "There is nothing at /relit."),
    "method_not_allowed": Advice(
        "See the header `Allow` for the methods.", "GET is not allowed at /relight."
    ),
    "bad_request": Advice("Send well-formed HTTP.", "Bad Request"),
    errors.RelightError.code: Advice(
        "Report the request's id to the operator: the log has the details.",
        "The server failed unexpectedly; the error is logged.",
    ),
    "headers_timeout": Advice(
        "Send the headers at once.", "the headers did not arrive within 10 s"
    ),
    "headers_too_large": Advice(
        "Send shorter or fewer headers, and options as form fields.",
        "a request's headers may have 32768 bytes",
    ),
    "too_many_connections": Advice(
        "Try again after `retry_after_ms`, and use one connection for many requests.",
        "the server has 1000 connections open",
        _LATER,
    ),
}


class ProblemType(BaseModel):
    """A kind of problem."""

    type: str
    code: str
    title: str
    status: int
    advice: str
    example: dict[str, Any]


def example_of(kind: Kind, instance: str = "/relight") -> dict[str, Any]:
    """Return an example of a problem."""
    advice = ADVICE[kind.code]
    return {
        "type": f"/problems/{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": advice.detail,
        "code": kind.code,
        "request_id": "0d6f1f1c5b7c4f8fa5a0c8a3c1f0d7b2",
        "instance": instance,
        **advice.members,
    }


PROBLEM_TYPES: Final = {
    kind.code: ProblemType(
        type=f"/problems/{kind.code}",
        code=kind.code,
        title=kind.title,
        status=kind.status,
        advice=ADVICE[kind.code].text,
        example=example_of(kind),
    )
    for kind in (*ALL_KINDS, *CONNECTION_KINDS)
}
