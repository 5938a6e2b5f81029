"""Maps errors to HTTP statuses and RFC 9457 problems, in one table.

Errors belong to the domain, this table to HTTP. `code` is a closed set, documented in the
OpenAPI description; `detail` is written for people; a 500 never shows an exception's text.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from http import HTTPMethod, HTTPStatus
from typing import Any, Final, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relight import errors
from service.api.context import RequestContext
from service.api.statuses import CLIENT_LEFT
from service.connections import HEADERS_TIMEOUT, HEADERS_TOO_LARGE, TOO_MANY_CONNECTIONS

MEDIA_TYPE: Final = "application/problem+json"

_MISTAKE: Final = "The server failed unexpectedly; the error is logged."

_log = logging.getLogger(__name__)


class Kind(NamedTuple):
    """The status, code and title of a kind of failure."""

    status: int
    code: str
    title: str


KINDS: Final[dict[type[Exception], Kind]] = {
    errors.InvalidMultipart: Kind(400, errors.InvalidMultipart.code, "Malformed multipart body"),
    errors.InvalidTensor: Kind(400, errors.InvalidTensor.code, "Malformed inference request"),
    errors.MissingImage: Kind(400, errors.MissingImage.code, "No image in the request"),
    errors.InvalidOption: Kind(422, errors.InvalidOption.code, "Unknown option or value"),
    errors.BodyTooLarge: Kind(413, errors.BodyTooLarge.code, "Request body too large"),
    errors.Unauthorized: Kind(401, errors.Unauthorized.code, "A key is needed"),
    errors.Forbidden: Kind(403, errors.Forbidden.code, "The key does not allow this"),
    errors.JobNotFound: Kind(404, errors.JobNotFound.code, "No such job"),
    errors.JobUnfinished: Kind(409, errors.JobUnfinished.code, "The job has no result yet"),
    errors.IdempotencyKeyReused: Kind(
        422, errors.IdempotencyKeyReused.code, "Idempotency-Key of another request"
    ),
    errors.BodyTimeout: Kind(408, errors.BodyTimeout.code, "Request body arrived too slowly"),
    errors.UnsupportedMediaType: Kind(
        415, errors.UnsupportedMediaType.code, "Unsupported image format"
    ),
    errors.ImageCorrupt: Kind(422, errors.ImageCorrupt.code, "Image is corrupt"),
    errors.ImageTooLarge: Kind(422, errors.ImageTooLarge.code, "Image is too large"),
    errors.ImageTooSmall: Kind(422, errors.ImageTooSmall.code, "Image is too small"),
    errors.ImageAnimated: Kind(422, errors.ImageAnimated.code, "Image has more than one frame"),
    errors.LightUnreadable: Kind(422, errors.LightUnreadable.code, "No light can be read"),
    errors.ImageTooSlow: Kind(422, errors.ImageTooSlow.code, "Image takes too long to decode"),
    errors.Overloaded: Kind(503, errors.Overloaded.code, "Server is overloaded"),
    errors.ServerFull: Kind(503, errors.ServerFull.code, "Server memory budget is exhausted"),
    errors.RateLimited: Kind(429, errors.RateLimited.code, "Too many requests from this caller"),
    errors.Draining: Kind(503, errors.Draining.code, "Server is shutting down"),
    errors.ModelNotReady: Kind(503, errors.ModelNotReady.code, "No model is ready yet"),
    errors.DeadlineExceeded: Kind(504, errors.DeadlineExceeded.code, "Deadline exceeded"),
    errors.InferenceFailed: Kind(500, errors.InferenceFailed.code, "Inference failed"),
    errors.OutOfMemory: Kind(500, errors.OutOfMemory.code, "The device has too little memory"),
    errors.DevicePoisoned: Kind(500, errors.DevicePoisoned.code, "The device broke down"),
    errors.SigningFailed: Kind(500, errors.SigningFailed.code, "The answer could not be signed"),
    errors.ModelRefused: Kind(409, errors.ModelRefused.code, "Model refused"),
}
NOT_FOUND: Final = Kind(404, "not_found", "No such resource")
METHOD_NOT_ALLOWED: Final = Kind(405, "method_not_allowed", "Method not allowed")
BAD_REQUEST: Final = Kind(400, "bad_request", "Bad request")
INTERNAL: Final = Kind(500, errors.RelightError.code, "Internal error")

# Of a connection: no request, and so no route, has them.
CONNECTION_KINDS: Final = tuple(
    Kind(*refusal) for refusal in (HEADERS_TIMEOUT, HEADERS_TOO_LARGE, TOO_MANY_CONNECTIONS)
)
ALL_KINDS: Final = (*KINDS.values(), NOT_FOUND, METHOD_NOT_ALLOWED, BAD_REQUEST, INTERNAL)
CODES: Final = tuple(kind.code for kind in (*ALL_KINDS, *CONNECTION_KINDS))

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": list(CODES)},
        "request_id": {"type": "string"},
        "instance": {"type": "string"},
        "option": {"type": "string", "description": "with invalid_option: name of the option"},
        "allowed": {
            "type": "array",
            "items": {"type": "string"},
            "description": "with invalid_option: the accepted values",
        },
        "retry_after_ms": {"type": "integer", "description": "with a 429 or 503"},
        "error": {"type": "string", "description": "as `detail`, below /v2"},
    },
}


def kind_of(error: Exception) -> Kind:
    """Return the kind of `error`: the entry of its class or of the nearest base."""
    return next((KINDS[c] for c in type(error).__mro__ if c in KINDS), INTERNAL)


def install(app: FastAPI, *, overload_status: int = 503) -> None:
    """Answer every failure of `app` with a problem, including the framework's own.

    Args:
        app: the app.
        overload_status: status of `overloaded` and `server_full`.
    """
    app.add_exception_handler(errors.RelightError, _on_relight_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(ClientDisconnect, _on_client_disconnect)
    app.add_middleware(UnexpectedErrors, overload_status=overload_status)


class UnexpectedErrors:
    """ASGI middleware: logs an unexpected exception and answers with a plain 500.

    Args:
        app: the ASGI app inside.
        overload_status: noted for the error handlers of each request.
    """

    def __init__(self, app: ASGIApp, *, overload_status: int) -> None:
        self._app = app
        self._overload_status = overload_status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app; answer if it fails before its answer began."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        RequestContext.of(scope).overload_status = self._overload_status
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            request = Request(scope, receive)
            _log.exception("unexpected error", extra={"request_id": _request_id(request)})
            if started:
                raise  # too late for a problem: the server closes the connection
            response = problem(request, INTERNAL, _MISTAKE)
            await response(scope, receive, send)


def problem(
    request: Request,
    kind: Kind,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **members: object,
) -> Response:
    """Return an RFC 9457 answer.

    Args:
        request: the request.
        kind: status, code and title.
        detail: one sentence for people.
        headers: additional headers.
        members: extension members of the body.
    """
    RequestContext.of(request.scope).problem_code = kind.code  # for the access log and the metrics
    return Response(
        json.dumps(_body(request, kind, detail, members)),
        kind.status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def problem_body(request: Request, error: Exception) -> dict[str, object]:
    """Return the problem of `error` as an object, for an answer with several problems."""
    if isinstance(error, errors.RelightError):
        return _body(request, _kind_for(request, error), str(error), _members_of(error))
    _log.error("unexpected error", extra={"request_id": _request_id(request)}, exc_info=error)
    return _body(request, INTERNAL, _MISTAKE, {})


def _body(
    request: Request, kind: Kind, detail: str, members: Mapping[str, object]
) -> dict[str, object]:
    return {
        "type": f"/problems/{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": kind.code,
        "request_id": _request_id(request),
        "instance": request.url.path,
        **members,
        # The Open Inference Protocol has errors of one member.
        **({"error": detail} if request.url.path.startswith("/v2") else {}),
    }


def _kind_for(request: Request, error: errors.RelightError) -> Kind:
    kind = kind_of(error)
    if isinstance(error, errors.Overloaded):
        return kind._replace(status=RequestContext.of(request.scope).overload_status)
    return kind


def _members_of(error: errors.RelightError) -> dict[str, object]:
    if isinstance(error, errors.InvalidOption):
        return {"option": error.option, "allowed": list(error.allowed)}
    if isinstance(error, errors.Unavailable):
        return {"retry_after_ms": math.ceil(error.retry_after_s * 1e3)}
    return {}


async def _on_relight_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.RelightError)
    headers: dict[str, str] = {}
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.BodyTooLarge | errors.BodyTimeout):
        headers["Connection"] = "close"  # the rest of the body need not be read
    return problem(
        request,
        _kind_for(request, error),
        str(error),
        headers=headers,
        **_members_of(error),
    )


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}.get(error.status_code)
    if kind is None:
        kind = BAD_REQUEST if error.status_code < 500 else INTERNAL
    detail = {
        404: f"There is nothing at {request.url.path}.",
        405: f"{request.method} is not allowed at {request.url.path}.",
    }.get(error.status_code, HTTPStatus(kind.status).phrase)
    headers = dict(error.headers or {})
    if error.status_code == 405:  # Starlette names the methods of one route alone
        own = headers.get("Allow", "").split(", ")
        headers["Allow"] = ", ".join(sorted({*own, *_methods_at(request)} - {""}))
    return problem(request, kind, detail, headers=headers)


def _methods_at(request: Request) -> set[str]:
    """Return the methods of all routes of a path."""
    routes: list[BaseRoute] = request.app.routes
    return {
        method.value
        for method in HTTPMethod
        if any(r.matches(dict(request.scope, method=method))[0] is Match.FULL for r in routes)
    }


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])
    invalid = errors.InvalidOption(f"{name!r}: {first['msg']}", option=name)
    return await _on_relight_error(request, invalid)


async def _on_client_disconnect(request: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_LEFT)


def _request_id(request: Request) -> str:
    return RequestContext.of(request.scope).request_id
