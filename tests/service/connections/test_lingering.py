"""Refused connections whose clients are still sending."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace

import pytest

from service.connections.lingering import MAX_LINGERING
from tests.service.calls import wait_until
from tests.service.connections.test_protocol import HEAD, SHORT, read_all, served

BODY = bytes(5_000_000)


@pytest.fixture
def full():
    """A server with as many connections as it may have."""
    with served(replace(SHORT, idle_timeout_s=60)) as running:
        clients = [running.connect() for _ in range(SHORT.max_connections)]
        for client in clients:  # each is counted once it is answered
            client.sendall(HEAD + b"\r\n")
            client.recv(4_096)
        yield running
        for client in clients:
            client.close()


@pytest.mark.parametrize("num_clients", [1, 5])
def test_a_client_that_is_sending_when_it_is_refused_gets_the_answer(full, num_clients):
    post = b"POST /small HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    for _ in range(num_clients):
        with full.connect() as client:
            client.sendall(post + BODY)
            head, _, body = read_all(client).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503")
        assert json.loads(body)["code"] == "too_many_connections"


def test_refused_connections_end_also_if_their_clients_do_not_close(full):
    with ExitStack() as stack:
        refused = [stack.enter_context(full.connect()) for _ in range(MAX_LINGERING + 5)]
        answers = [read_all(client) for client in refused]
        wait_until(lambda: full.metrics.open._value.get() == SHORT.max_connections)
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 503"}
