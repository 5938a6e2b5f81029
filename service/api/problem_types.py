"""What each problem means, what to do about it, and what one looks like.

RFC 9457, section 3.1.1: a problem's `type` should lead to documentation for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from service.api.problems import ALL_KINDS, CONNECTION_KINDS, Kind


class Advice(NamedTuple):
    """What to do about a kind of problem, and what one looks like."""

    text: str
    detail: str
    members: Mapping[str, Any] = MappingProxyType({})


_LATER: Final = MappingProxyType({"retry_after_ms": 1840})

ADVICE: Final[Mapping[str, Advice]] = {
    "invalid_multipart": Advice(
        "Send the form as multipart/form-data with the boundary that its header names.",
        "the form is malformed: Missing boundary in multipart.",
    ),
    "missing_image": Advice(
        "Send the photo as the body, or as a file (with a file name) named `image`.",
        "the image is empty: send it as the body, or as a multipart file",
    ),
    "invalid_option": Advice(
        "`option` names it; `allowed` lists what would be accepted, where that can be listed.",
        "option 'direction': 'X' is not allowed (Input should be 'N', 'NE', 'E', 'SE', 'S', 'SW', "
        "'W' or 'NW')",
        {"option": "direction", "allowed": ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]},
    ),
    "body_too_large": Advice(
        "Send fewer bytes; `GET /models` tells the limit.",
        "61000000 bytes or more exceed the limit of 50000000",
    ),
    "unauthorized": Advice(
        "Send a key: `Authorization: Bearer <key>`, or `X-Api-Key: <key>`.", "the key is unknown"
    ),
    "forbidden": Advice("Ask an operator: this needs an admin key.", "this needs an admin key"),
    "body_timeout": Advice(
        "Send the body faster, or a smaller one.", "the body did not arrive within 30 s"
    ),
    "unsupported_media_type": Advice(
        "Send one of the formats that `GET /models` lists; the bytes count, not the name.",
        "the image is none of jpeg, png, webp, avif, tiff, heif",
    ),
    "image_corrupt": Advice(
        "The file is broken or cut off: upload it anew, or save it again in an editor.",
        "the jpeg data are broken or cut off",
    ),
    "image_too_large": Advice(
        "Make the picture smaller; `GET /models` tells the limits.",
        "12000 x 9000 pixels; at most 50000000 in all are accepted",
    ),
    "image_too_small": Advice(
        "Use a larger picture; `GET /models` tells the smallest side.",
        "24 x 32 pixels; a side must have at least 32",
    ),
    "image_animated": Advice(
        "Send one frame or page as a file of its own.",
        "the image is animated; only still images are accepted",
    ),
    "image_too_slow": Advice(
        "Save the picture again, in another format or without progressive scans.",
        "decoding the image takes longer than 20 s",
    ),
    "overloaded": Advice(
        "Ask again after `retry_after_ms`, with jitter; nothing was done yet.",
        "the estimated wait of 11840 ms exceeds 10000 ms",
        _LATER,
    ),
    "server_full": Advice(
        "Ask again after `retry_after_ms`, with jitter; nothing was done yet.",
        "48000000 bytes more would pass the 1000000000 that all requests together may hold",
        _LATER,
    ),
    "rate_limited": Advice(
        "Wait for answers that are under way before sending more with the same key.",
        "this key has 8 requests in flight, as many as it may have",
        _LATER,
    ),
    "draining": Advice(
        "Ask again: another instance, or the next one, will answer.",
        "this process takes no more work",
        _LATER,
    ),
    "model_not_ready": Advice(
        "Ask again after `retry_after_ms`: the models are being loaded.",
        "the models are still being loaded",
        _LATER,
    ),
    "deadline_exceeded": Advice(
        "Give it more time (`X-Request-Timeout-Ms`), or ask when there is less to do.",
        "the deadline passed before the answer was ready",
    ),
    "gpu_error": Advice(
        "Ask once more; if it fails again, tell the operator the request's id.",
        "the model failed on this image",
    ),
    "out_of_memory": Advice(
        "Ask another instance; the operator should give this one's device more memory.",
        "no memory for a batch of 1",
    ),
    "device_poisoned": Advice(
        "Ask again: this instance is about to be replaced.", "the device broke down"
    ),
    "model_refused": Advice(
        "Nothing changed. Mend or remove the file that `detail` names, and reload.",
        "nothing changed; drn.onnx: its metadata lack 'lights'",
    ),
    "not_found": Advice("See `/docs` for what there is.", "There is nothing at /relit."),
    "method_not_allowed": Advice("See `Allow` for the methods.", "GET is not allowed at /relight."),
    "bad_request": Advice("Send well-formed HTTP.", "Bad Request"),
    "internal": Advice(
        "Tell the operator the request's id: the log says more under it.",
        "The server made a mistake; it is logged.",
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
    """Return a problem such as the service answers with."""
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
