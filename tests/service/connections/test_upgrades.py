"""A client that asks for another protocol gets its answer in this one, as RFC 9110, 7.8, allows."""

from __future__ import annotations

import pytest

from tests.service.connections.test_protocol import read_all, served

UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
WEB_SOCKET = b"Connection: upgrade\r\nupgrade: websocket\r\nSec-WebSocket-Key: x\r\n"
NEXT = b"GET /small HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
BODIES = {
    "in full": b"Content-Length: 5\r\n\r\nhello",
    "in chunks": b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("asks", [UPGRADE, WEB_SOCKET])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("piece_bytes", [1, 40, 10_000])
def test_its_body_is_read_and_its_next_request_answered(asks, body, piece_bytes):
    sent = b"POST /small HTTP/1.1\r\nHost: here\r\n" + asks + body + NEXT
    with served() as server, server.connect() as client:
        for start in range(0, len(sent), piece_bytes):
            client.sendall(sent[start : start + piece_bytes])
        answers = read_all(client)
    assert answers.count(b"HTTP/1.1 200") == 2
    assert answers.endswith(b"\r\n\r\n0")
    assert b"\r\n\r\n5HTTP/1.1" in answers


def test_a_body_is_never_taken_for_a_request():
    hidden = b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n"
    sent = b"POST /small HTTP/1.1\r\n" + UPGRADE + b"Content-Length: %d\r\n\r\n" % len(hidden)
    with served() as server, server.connect() as client:
        client.sendall(sent + hidden)
        client.sendall(NEXT)
        answers = read_all(client)
    assert answers.count(b"HTTP/1.1 200") == 2
    assert len(answers) < 1_000


def test_its_headers_are_bounded_as_any_others():
    with served() as server, server.connect() as client:
        client.sendall(b"GET /small HTTP/1.1\r\n" + UPGRADE + b"a: b\r\n" * 16 + b"\r\n" + NEXT)
        assert read_all(client).count(b"HTTP/1.1 200") == 2
    with served() as server, server.connect() as client:
        client.sendall(b"GET /small HTTP/1.1\r\n" + UPGRADE + b"a: b\r\n" * 18 + b"\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 431")


def test_a_tunnel_is_refused():
    with served() as server, server.connect() as client:
        client.sendall(b"CONNECT inside:443 HTTP/1.1\r\nHost: inside\r\n\r\n" + NEXT)
        answers = read_all(client)
    assert answers.startswith(b"HTTP/1.1 400")
    assert b"HTTP/1.1 200" not in answers
