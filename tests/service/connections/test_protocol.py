"""A connection costs little before it is a request, and not for ever after its answer."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from service.api.middleware import Disconnect
from service.connections import BoundedProtocol, ConnectionLimits, ConnectionMetrics
from tests.service.calls import wait_until
from tests.service.peak import peak_growth

HEAD = b"GET /small HTTP/1.1\r\nHost: here\r\n"
LARGE = bytes(30_000_000)
# Far shorter than in the service: each test waits for one of them.
SHORT = ConnectionLimits(
    max_connections=20,
    max_header_bytes=4_000,
    max_headers=20,
    max_pipelined=10,
    first_byte_timeout_s=0.3,
    header_timeout_s=0.3,
    idle_timeout_s=0.3,
    write_timeout_s=0.3,
)


class Served:
    """A server on a thread, and what its app notes."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.metrics = ConnectionMetrics(CollectorRegistry())
        self.holding = 0
        self.num_cut_before_end = 0.0
        self.failures: list[Exception] = []
        protocol = partial(BoundedProtocol, limits=limits, metrics=self.metrics)
        config = uvicorn.Config(
            self.app,
            port=0,
            http=protocol,
            interface="asgi3",
            loop="uvloop",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=limits.idle_timeout_s,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        wait_until(lambda: self.server.started)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    async def app(self, scope, receive, send) -> None:
        app = Disconnect(self.hold) if scope["path"] == "/large" else self.hold
        await app(scope, receive, send)

    async def hold(self, scope, receive, send) -> None:
        body = await Request(scope, receive).body() if scope["method"] == "POST" else b""
        self.holding += 1
        try:
            while scope["path"] == "/held" and (await receive())["type"] != "http.disconnect":
                pass
            answer = LARGE if scope["path"] == "/large" else b"%d" % len(body)
            await Response(answer)(scope, receive, send)
        except Exception as error:
            self.failures.append(error)
            raise
        finally:
            self.num_cut_before_end = self.closed("write_timeout")
            self.holding -= 1

    def closed(self, reason: str) -> float:
        return self.metrics.closed.labels(reason)._value.get()

    def connect(self, receive_bytes: int | None = None) -> socket.socket:
        client = socket.socket()
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.settimeout(20)
        client.connect(("127.0.0.1", self.port))
        return client


@contextmanager
def served(limits: ConnectionLimits = SHORT) -> Iterator[Served]:
    running = Served(limits)
    try:
        yield running
    finally:
        running.server.should_exit = running.server.force_exit = True
        running.thread.join()


def read_all(client: socket.socket) -> bytes:
    parts = []
    try:
        while part := client.recv(65_536):
            parts.append(part)
    except ConnectionResetError:  # closed while bytes of ours were under way
        pass
    return b"".join(parts)


def flood(client: socket.socket, part: bytes, num_bytes: int = 40_000_000) -> int:
    """Send until the server has enough; return how many bytes it took."""
    sent = 0
    try:
        while sent < num_bytes:
            client.sendall(part)
            sent += len(part)
    except OSError:
        pass
    return sent


def problem(answer: bytes) -> dict[str, object]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    found = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % found["status"])
    return found


@pytest.mark.parametrize(
    ("start", "part", "reason"),
    [
        (HEAD, b"a: b\r\n" * 10_000, "header_count"),
        (HEAD, b"a: " + b"b" * 50_000 + b"\r\n", "header_bytes"),
        (HEAD + b"a: ", b"b" * 50_000, "header_bytes"),
        (b"GET /", b"a" * 50_000, "header_bytes"),
        (b"", b"\r\n" * 25_000, "header_bytes"),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            b"a: b\r\n" * 10_000,
            "header_count",
        ),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: ",
            b"b" * 50_000,
            "header_bytes",
        ),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a=",
            b"b" * 50_000,
            "header_bytes",
        ),
    ],
)
def test_endless_headers_are_cut_early_and_cost_nothing(start, part, reason):
    with served() as running, running.connect() as client, peak_growth() as peak:
        client.sendall(start)
        assert flood(client, part) < 20_000_000
        wait_until(lambda: running.closed(reason) == 1)
    assert peak.num_bytes < 20_000_000


@pytest.mark.parametrize("extra", [b"a: " + b"b" * 5_000 + b"\r\n", b"a: b\r\n" * 21])
def test_headers_that_are_too_large_get_a_431(extra):
    with served() as running, running.connect() as client:
        client.sendall(HEAD + extra + b"\r\n")
        assert problem(read_all(client))["code"] == "headers_too_large"


def test_headers_within_the_limits_pass_in_any_pieces():
    with served() as running, running.connect() as client:
        for byte in HEAD + b"a: b\r\n" * 18 + b"\r\n":
            client.sendall(bytes([byte]))
        assert client.recv(4_096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [(b"", "first_byte_timeout"), (HEAD, "header_timeout"), (HEAD + b"\r\n", "idle_timeout")],
)
def test_a_client_that_falls_silent_is_closed(sent, reason):
    with served() as running, running.connect() as client:
        client.sendall(sent)
        answer = read_all(client)
        assert running.closed(reason) == 1
    if reason == "header_timeout":
        assert problem(answer)["code"] == "headers_timeout"


@pytest.mark.parametrize("drop", [b"a: b\r\n", b"\r\n"])
def test_a_trickle_does_not_keep_a_connection(drop):
    start = HEAD if drop != b"\r\n" else b""
    with served() as running, running.connect() as client:
        client.sendall(start)
        ended = threading.Event()

        def trickle() -> None:
            while not ended.wait(0.05):
                try:
                    client.sendall(drop)
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        wait_until(lambda: running.closed("header_timeout") == 1)
        ended.set()
        thread.join()


def test_a_body_that_trickles_after_its_answer_does_not_keep_a_connection():
    limits = replace(SHORT, idle_timeout_s=60)
    with served(limits) as running, running.connect() as client:
        client.sendall(b"GET /small HTTP/1.1\r\nContent-Length: 100000\r\n\r\nx")
        assert client.recv(4_096).startswith(b"HTTP/1.1 200")
        wait_until(lambda: running.closed("header_timeout") == 1)


def test_one_connection_too_many_is_refused_and_a_free_place_is_used_again():
    with served() as running:
        clients = [running.connect() for _ in range(20)]
        for client in clients:  # each is counted once it is answered
            client.sendall(HEAD + b"\r\n")
            client.recv(4_096)
        with running.connect() as refused:
            assert problem(read_all(refused))["code"] == "too_many_connections"
        clients.pop().close()
        wait_until(lambda: running.metrics.open._value.get() == 19)
        with running.connect() as client:
            client.sendall(HEAD + b"\r\n")
            assert client.recv(4_096).startswith(b"HTTP/1.1 200")
        for client in clients:
            client.close()


@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize("connection", [b"keep-alive", b"close"])
def test_an_answer_is_held_until_it_is_taken_and_not_for_ever(method, connection):
    with served() as running, running.connect(4_096) as client:
        client.sendall(method + b" /large HTTP/1.1\r\nConnection: " + connection + b"\r\n\r\n")
        wait_until(lambda: running.num_cut_before_end == 1)
        wait_until(lambda: running.holding == 0)


def test_a_client_that_reads_slowly_but_steadily_gets_all_of_it():
    limits = replace(SHORT, write_timeout_s=2.0)  # more than a busy machine holds a client up
    with served(limits) as running, running.connect(65_536) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nConnection: close\r\n\r\n")
        num_bytes = 0
        while part := client.recv(400_000):
            num_bytes += len(part)
            if num_bytes < 5_000_000:
                time.sleep(0.05)  # the pace is the test
        assert num_bytes > len(LARGE)
        assert running.closed("write_timeout") == 0


def test_too_many_requests_ahead_of_their_answers_end_the_connection():
    with served() as running, running.connect() as client:
        client.sendall((HEAD + b"\r\n") * 500)
        answers = read_all(client)
        assert running.closed("pipeline") == 1
        assert answers.count(b"HTTP/1.1 200") <= 11


def test_work_ends_with_its_connection_also_when_other_requests_wait_behind_it():
    with served() as running, running.connect() as client:
        client.sendall(b"GET /held HTTP/1.1\r\n\r\n")
        wait_until(lambda: running.holding == 1)
        client.sendall((HEAD + b"\r\n") * 500)
        assert not read_all(client)
        wait_until(lambda: running.holding == 0)
        assert not running.failures  # an answer that has no client left is no fault of the app


def test_pipelined_requests_within_the_limit_are_all_answered():
    with served() as running, running.connect() as client:
        client.sendall((HEAD + b"\r\n") * 9 + HEAD + b"Connection: close\r\n\r\n")
        assert read_all(client).count(b"HTTP/1.1 200") == 10


def test_bytes_that_are_no_http_get_a_problem():
    with served() as running, running.connect() as client:
        client.sendall(b"\x16\x03\x01\x02\x00" + b"x" * 50)
        assert problem(read_all(client))["code"] == "bad_request"
        assert running.closed("invalid") == 1


def test_a_body_in_tiny_chunks_is_read():
    chunks = b"1\r\nx\r\n" * 5_000
    with served() as running, running.connect() as client:
        head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.sendall(head + chunks + b"0\r\n\r\n")
        assert client.recv(4_096).endswith(b"5000")
