"""The middleware of every request: id, log line, limits, and disconnected clients.

Pure ASGI, outermost first:

    Observation   request id, access log, HTTP metrics
    Disconnect    cancels the work for a client that leaves
    BodyLimits    declared size, actual size, memory budget, time
    HeadAsGet     HEAD wherever GET is

A limit raises an error, which `service.api.problems` turns into an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import re
import time
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relight.errors import BodyTimeout, BodyTooLarge, DeadlineExceeded
from service.api.context import RequestContext
from service.api.statuses import CLIENT_LEFT, outcome_of
from service.telemetry.labels import Place
from service.telemetry.metrics import SHORT_S, UNMATCHED, Metrics
from service.traffic.memory_budget import ByteBudget

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

_access_log = logging.getLogger("relight.access")


class Observation:
    """Give each request an id and a start time, and record its outcome.

    It sets `request_id` and `arrived_s` of the `RequestContext`, and logs the fields that the
    routes and error handlers set.
    """

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, is_draining: Callable[[], bool] = lambda: False
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._is_draining = is_draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app, then log and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        context = RequestContext.of(scope)
        context.request_id, context.arrived_s = request_id, time.monotonic()
        status = CLIENT_LEFT  # until an answer begins
        num_sent = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status, num_sent
            num_sent += len(message.get("body", b""))
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                if self._is_draining():
                    headers["Connection"] = "close"  # the next request belongs elsewhere
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._record(scope, context, status, num_sent)

    def _record(self, scope: Scope, context: RequestContext, status: int, num_sent: int) -> None:
        duration_s = time.monotonic() - context.arrived_s
        path, method = getattr(scope.get("route"), "path", UNMATCHED), scope["method"]
        if path == UNMATCHED or status in {404, 405}:  # never a label chosen by a caller
            path, method = UNMATCHED, "any"
        self._metrics.http_requests.labels(path, method, str(status)).inc()
        outcome = outcome_of(status)
        self._metrics.http_duration_s.labels(path, outcome).observe(duration_s)
        self._record_end(context, status)
        _access_log.info(
            "%s %s %d",
            scope["method"],
            scope["path"],
            status,
            extra={
                "request_id": context.request_id,
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "duration_ms": round(duration_s * 1e3, 1),
                "code": context.problem_code,
                "caller": context.caller,
                "client": ":".join(map(str, scope.get("client") or ())) or None,
                "request_bytes": context.num_body_bytes,
                "response_bytes": num_sent,
                "model": context.model,
                "trace_id": trace_id(Headers(scope=scope).get("traceparent", "")),
            },
        )

    def _record_end(self, context: RequestContext, status: int) -> None:
        """Count a request that ended without an image, by its stage."""
        place = context.timings.place if context.timings else Place.ADMISSION
        if status == CLIENT_LEFT:
            self._metrics.cancelled.labels(place).inc()
        elif context.problem_code == DeadlineExceeded.code:
            timeout_s = math.inf if context.timeout_s is None else context.timeout_s
            given = "short" if timeout_s < SHORT_S else "enough"
            self._metrics.deadline_exceeded.labels(place, given).inc()
        else:
            self._metrics.count_problem(context.problem_code)


def trace_id(traceparent: str) -> str | None:
    """Return the trace id of a W3C `traceparent` header; None if it is malformed."""
    match = _TRACEPARENT.fullmatch(traceparent)
    return match[1] if match else None


class Disconnect:
    """Cancel the app's task when the client leaves after sending its whole body.

    Before that, the app notices the end of the stream while it reads.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app and watch the client at the same time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body_read = asyncio.Event()
        left = asyncio.Event()

        async def receive_body() -> Message:
            if body_read.is_set():  # messages after the body belong to the watcher
                await left.wait()
                return {"type": "http.disconnect"}
            message = await receive()
            if not message.get("more_body", False):  # also true of a disconnect
                body_read.set()
            return message

        async def watch() -> None:
            await body_read.wait()
            while (await receive())["type"] != "http.disconnect":
                pass
            left.set()

        work = asyncio.ensure_future(self._app(scope, receive_body, send))
        watcher = asyncio.create_task(watch())
        try:
            await asyncio.wait({work, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
        finally:
            work.cancel()
            watcher.cancel()


class BodyLimits:
    """Limit the bytes of a body and the time of its arrival.

    Args:
        app: the ASGI app inside.
        max_bytes: limit; checked against Content-Length before reading, and counted.
        budget: must have memory for the body before it is read; the request's account of it
            is `RequestContext.holding`.
        paths: limits of specific paths that replace `max_bytes`.
        timeout_s: longest time from the first wait for the body to its end.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        timeout_s: float,
        budget: ByteBudget,
        paths: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._budget = budget
        self._paths = paths
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app with a `receive` that raises BodyTooLarge, ServerFull or BodyTimeout."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = RequestContext.of(scope)
        header = Headers(scope=scope).get("content-length", "")
        num_declared = int(header) if header.isdecimal() else 0
        max_bytes = self._paths.get(scope["path"], self._max_bytes)
        num_read = 0
        deadline_s: float | None = None
        ended = False

        async def receive_within_limits() -> Message:
            nonlocal num_read, deadline_s, ended
            if ended:
                return await receive()
            if num_declared > max_bytes:
                raise _too_large(num_declared, max_bytes)
            holding.grow_to(num_declared)
            deadline_s = deadline_s or asyncio.get_running_loop().time() + self._timeout_s
            try:
                async with asyncio.timeout_at(deadline_s):
                    message = await receive()
            except TimeoutError:
                raise BodyTimeout(f"the body did not arrive within {self._timeout_s:g} s") from None
            num_read += len(message.get("body", b""))
            context.num_body_bytes = num_read
            if num_read > max_bytes:
                raise _too_large(num_read, max_bytes)
            holding.grow_to(num_read)
            ended = not message.get("more_body", False)
            return message

        with self._budget.open() as holding:
            context.holding = holding
            await self._app(scope, receive_within_limits, send)


def _too_large(num_bytes: int, max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"{num_bytes} bytes or more exceed the limit of {max_bytes}")


class HeadAsGet:
    """Answer HEAD wherever there is GET (RFC 9110, section 9.1); the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app as for GET."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}  # a copy: the server must know that it was HEAD
        try:
            await self._app(as_get, receive, send)
        finally:
            if "route" in as_get:
                scope["route"] = as_get["route"]  # for the log and the metrics
