"""What surrounds every request: its id, its log line, its limits, and its client's leaving.

Pure ASGI, outermost first:

    Observation   request id, access log, HTTP metrics
    Disconnect    a client that leaves cancels the work done for it
    BodyLimits    size by header, size by count, time

Nothing here answers: a limit raises, and `service.problems` turns that into an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
import uuid
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BodyTimeout, BodyTooLarge
from service.metrics import REJECTIONS, UNMATCHED, Metrics

CLIENT_LEFT: Final = 499

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")

_access_log = logging.getLogger("relight.access")


class Observation:
    """Give each request an id and a start time, and record how it ended.

    In the request's state: `request_id`, and `arrived_s` on the monotonic clock. From it:
    `problem_code`, when `service.problems` answered.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app, then log and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        arrived_s = time.monotonic()
        state = scope.setdefault("state", {})
        state.update(request_id=request_id, arrived_s=arrived_s)
        status = CLIENT_LEFT  # until an answer begins

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._record(scope, status, time.monotonic() - arrived_s)

    def _record(self, scope: Scope, status: int, duration_s: float) -> None:
        path, method = getattr(scope.get("route"), "path", UNMATCHED), scope["method"]
        problem_code = scope["state"].get("problem_code")
        if path == UNMATCHED or status in {404, 405}:  # never a label that a caller made up
            path, method = UNMATCHED, "any"
        self._metrics.http_requests.labels(path, method, str(status)).inc()
        self._metrics.http_duration_s.labels(path).observe(duration_s)
        if problem_code in REJECTIONS:
            self._metrics.rejected.labels(problem_code).inc()
        if status == CLIENT_LEFT:
            self._metrics.cancelled.inc()
        _access_log.info(
            "%s %s %d",
            scope["method"],
            scope["path"],
            status,
            extra={
                "request_id": scope["state"]["request_id"],
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "duration_ms": round(duration_s * 1e3, 1),
                "code": problem_code,
            },
        )


class Disconnect:
    """Cancel the app's task when the client leaves after sending its whole body.

    Before that the app itself meets the end of the stream while it reads.
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
            if body_read.is_set():  # what comes after the body belongs to the watcher
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
    """Bound the bytes of a body and the time that it takes to come.

    Args:
        app: the ASGI app inside.
        max_bytes: most bytes; checked against Content-Length before one is read, and counted.
        timeout_s: longest time from the first wait for the body to its end.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app with a `receive` that raises BodyTooLarge or BodyTimeout."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        header = Headers(scope=scope).get("content-length", "")
        num_declared = int(header) if header.isdecimal() else 0
        num_read = 0
        deadline_s: float | None = None
        ended = False

        async def receive_within_limits() -> Message:
            nonlocal num_read, deadline_s, ended
            if ended:
                return await receive()
            if num_declared > self._max_bytes:
                raise self._too_large(num_declared)
            deadline_s = deadline_s or asyncio.get_running_loop().time() + self._timeout_s
            try:
                async with asyncio.timeout_at(deadline_s):
                    message = await receive()
            except TimeoutError:
                raise BodyTimeout(f"the body did not arrive within {self._timeout_s:g} s") from None
            num_read += len(message.get("body", b""))
            if num_read > self._max_bytes:
                raise self._too_large(num_read)
            ended = not message.get("more_body", False)
            return message

        await self._app(scope, receive_within_limits, send)

    def _too_large(self, num_bytes: int) -> BodyTooLarge:
        return BodyTooLarge(f"{num_bytes} bytes or more exceed the limit of {self._max_bytes}")
