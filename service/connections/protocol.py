"""uvicorn's HTTP protocol with bounds: on headers, on time, on unread answers.

uvicorn's own limits neither the size, nor the number, nor the time of a request's headers, and
keeps an answer for as long as its client likes.

    connect -> first byte -> headers           -> body            -> answer        -> idle
    cap        timeout       size, count, time    framing (bytes     write timeout    timeout
                                                  and time: the API)
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, cast

from httptools import HttpRequestParser
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.connections import refusals
from service.connections.limits import ConnectionLimits
from service.connections.lingering import MAX_LINGERING, close_lingering
from service.connections.metrics import ConnectionMetrics
from service.connections.parser import PlainParser

_MIN_TAKEN_BYTES: Final = 65_536  # in each write timeout; less counts as not reading
_MAX_FRAMING: Final = 16  # bytes of chunk sizes for each byte of a body

_log = logging.getLogger(__name__)


class _Refused(Exception):
    """Ends the parsing of a request; what to answer is noted on the protocol."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    Args:
        config: uvicorn's.
        server_state: uvicorn's.
        app_state: uvicorn's.
        limits: the bounds.
        metrics: where connections are counted; None on the second port.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ConnectionLimits,
        metrics: ConnectionMetrics | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.parser = cast("HttpRequestParser", PlainParser(self))  # uvicorn only calls it
        self.ws_protocol_class = None  # there are no web sockets, whatever is installed
        self._limits = limits
        self._metrics = metrics
        self._refusal: tuple[str, refusals.Refusal, str] | None = None
        self._in_headers = True
        self._num_header_bytes = 0
        self._num_headers = 0
        self._num_body_bytes = 0
        self._num_framing_bytes = 0
        self._reading_timer: asyncio.TimerHandle | None = None
        self._writing_timer: asyncio.TimerHandle | None = None
        self._num_waiting_bytes = 0
        self._running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection; refuse it where there are too many."""
        super().connection_made(transport)
        if self._metrics is not None:
            self._metrics.open.inc()
        num_over = len(self.connections) - self._limits.max_connections
        if num_over > 0:
            self._refuse_connection(may_linger=num_over <= MAX_LINGERING)
            return
        self._arm_reading(self._limits.first_byte_timeout_s, "first_byte_timeout")

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers, and the work for a client that is gone."""
        if self._metrics is not None:
            self._metrics.open.dec()
        self._disarm_reading()
        self._stop_watching()
        self._end_running()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; headers are fed no further than they may go."""
        view = data
        while view and not self.transport.is_closing():
            if self._in_headers:
                if self._num_header_bytes == 0:
                    self._arm_reading(self._limits.header_timeout_s, "header_timeout")
                size = self._limits.max_header_bytes + 1 - self._num_header_bytes
                piece, view = view[:size], view[size:]
                self._num_header_bytes += len(piece)
                super().data_received(piece)
                if self._in_headers and self._num_header_bytes > self._limits.max_header_bytes:
                    self._refuse_headers("header_bytes")
            else:
                piece, view = view, b""
                self._num_framing_bytes += len(piece)
                super().data_received(piece)
                framing = self._num_framing_bytes - self._num_body_bytes
                allowed = self._limits.max_header_bytes + _MAX_FRAMING * self._num_body_bytes
                if not self._in_headers and framing > allowed:
                    self._refuse_headers("header_bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header or trailer field."""
        self._num_headers += 1
        if self._num_headers > self._limits.max_headers:
            self._note("header_count", refusals.HEADERS_TOO_LARGE, self._too_many_headers())
            raise _Refused
        super().on_header(name, value)

    def on_read_again(self) -> None:
        """Count the header fields of a request anew, which come once more."""
        self._num_headers = 0

    def on_headers_complete(self) -> None:
        """Begin the request, unless too many wait already."""
        if self.parser.should_upgrade():
            return  # it comes once more
        self._in_headers = False
        self._num_body_bytes = self._num_framing_bytes = 0
        self._disarm_reading()
        if len(self.pipeline) >= self._limits.max_pipelined:
            text = f"more than {self._limits.max_pipelined} requests wait for their answers"
            self._note("pipeline", refusals.BAD_REQUEST, text)
            raise _Refused
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count what is body and not framing."""
        self._num_body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Be ready for the next request's headers."""
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self._in_headers = True
        self._num_header_bytes = self._num_headers = 0
        self._disarm_reading()

    def on_response_complete(self) -> None:
        """Bound the time of the rest: of the answer to leave, of a body that is not read."""
        super().on_response_complete()
        self._watch_writing()
        if not self._in_headers:
            self._arm_reading(self._limits.header_timeout_s, "header_timeout")

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, or was refused while it was."""
        reason, refusal, text = self._refusal or ("invalid", refusals.BAD_REQUEST, msg)
        self._refuse(reason, refusal, text)

    def pause_writing(self) -> None:
        """Watch a client that does not read fast enough."""
        super().pause_writing()
        self._watch_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection."""
        if self.transport.get_write_buffer_size():
            return  # its answer is still leaving: the write timeout decides
        self._close("idle_timeout", level=logging.DEBUG)
        super().timeout_keep_alive_handler()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, self._until_taken(app))

    def _until_taken(self, app: ASGIApp) -> Any:
        """Return an app that sends no faster than its client takes, its last bytes included.

        So whatever a request holds, it holds until its answer has left. uvicorn calls a request
        disconnected once the last bytes are handed over, on which an app may end its work.
        """

        async def app_until_taken(scope: Scope, receive: Receive, send: Send) -> None:
            async def receive_until_taken() -> Message:
                message = await receive()
                if message["type"] == "http.disconnect":
                    await self.flow.drain()
                return message

            async def send_and_wait(message: Message) -> None:
                await send(message)
                await self.flow.drain()

            await app(scope, receive_until_taken, send_and_wait)

        return app_until_taken

    def _arm_reading(self, timeout_s: float, reason: str) -> None:
        if self._reading_timer is not None:
            self._reading_timer.cancel()
        self._reading_timer = self.loop.call_later(timeout_s, self._on_reading_timeout, reason)

    def _disarm_reading(self) -> None:
        if self._reading_timer is not None:
            self._reading_timer.cancel()
            self._reading_timer = None

    def _on_reading_timeout(self, reason: str) -> None:
        self._reading_timer = None
        if reason == "header_timeout" and self._in_headers:
            text = f"the headers did not arrive within {self._limits.header_timeout_s:g} s"
            self._refuse(reason, refusals.HEADERS_TIMEOUT, text)
        else:
            self._close(reason)
            self.transport.close()

    def _watch_writing(self) -> None:
        self._num_waiting_bytes = self.transport.get_write_buffer_size()
        if self._num_waiting_bytes and self._writing_timer is None:
            timeout_s = self._limits.write_timeout_s
            self._writing_timer = self.loop.call_later(timeout_s, self._check_writing)

    def _check_writing(self) -> None:
        """Cut a client that took next to nothing of its answer since the last look."""
        self._writing_timer = None
        num_left = self.transport.get_write_buffer_size()
        if num_left and self._num_waiting_bytes - num_left < min(num_left, _MIN_TAKEN_BYTES):
            self._close("write_timeout", num_bytes=num_left)
            self.transport.abort()
        else:
            self._watch_writing()

    def _stop_watching(self) -> None:
        if self._writing_timer is not None:
            self._writing_timer.cancel()
            self._writing_timer = None

    def _too_many_headers(self) -> str:
        return f"a request may have {self._limits.max_headers} header fields"

    def _refuse_headers(self, reason: str) -> None:
        text = f"a request's headers may have {self._limits.max_header_bytes} bytes"
        self._refuse(reason, refusals.HEADERS_TOO_LARGE, text)

    def _note(self, reason: str, refusal: refusals.Refusal, text: str) -> None:
        self._refusal = (reason, refusal, text)

    def _refuse_connection(self, *, may_linger: bool) -> None:
        text = f"the server has {self._limits.max_connections} connections open"
        self._close("connection_limit")
        self.transport.write(refusals.answer(refusals.TOO_MANY_CONNECTIONS, text))
        if may_linger:
            close_lingering(self.transport, self)
        else:
            self.transport.close()

    def _refuse(self, reason: str, refusal: refusals.Refusal, text: str) -> None:
        """Answer and close; while another request's answer is due, only close."""
        if self.transport.is_closing():
            return
        self._close(reason)
        is_own = not (self._in_headers or self.pipeline)  # it broke while its own body came
        if (
            self.cycle is None
            or self.cycle.response_complete
            or (is_own and not self.cycle.response_started)
        ):
            self.transport.write(refusals.answer(refusal, text))
            self._watch_writing()
        self.transport.close()

    def _end_running(self) -> None:
        """Let the request in work learn that its connection is over.

        uvicorn informs the request that came last, which behind others has not begun.
        """
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def _close(self, reason: str, *, level: int = logging.WARNING, num_bytes: int = 0) -> None:
        """Count and log the end of a connection; whatever works for it learns that it is over."""
        self._end_running()
        if self._metrics is not None:
            self._metrics.closed.labels(reason).inc()
        client = ":".join(map(str, self.client)) if self.client else None
        extra = {"client": client, "reason": reason, "waiting_bytes": num_bytes}
        _log.log(level, "connection ended: %s", reason, extra=extra)
