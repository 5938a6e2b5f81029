from __future__ import annotations

import asyncio

import anyio
import pytest

from relight.errors import BodyTimeout, BodyTooLarge
from service.api.middleware import BodyLimits, Disconnect
from service.traffic.memory_budget import ByteBudget

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


async def send(message) -> None:
    pass


def receiver(*messages):
    """Give the messages one after the other, then nothing for ever."""
    left = list(messages)

    async def receive():
        if left:
            return left.pop(0)
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    return receive


def body(data: bytes, more: bool = False):
    return {"type": "http.request", "body": data, "more_body": more}


async def read_all(scope, receive, send) -> None:
    while (await receive()).get("more_body"):
        pass


def limits(budget=None, *, timeout_s=1.0, **more) -> BodyLimits:
    budget = budget or ByteBudget(1000)
    return BodyLimits(read_all, max_bytes=10, timeout_s=timeout_s, budget=budget, **more)


async def test_a_declared_length_over_the_limit_is_refused_before_a_byte_is_read():
    async def receive():
        raise AssertionError("it was read")

    limited = limits()
    with pytest.raises(BodyTooLarge):
        await limited(SCOPE | {"headers": [(b"content-length", b"11")]}, receive, send)


async def test_bytes_are_counted_even_if_the_declared_length_is_wrong():
    limited = limits()
    scope = SCOPE | {"headers": [(b"content-length", b"5")]}
    with pytest.raises(BodyTooLarge):
        await limited(scope, receiver(body(b"123456", True), body(b"78901")), send)
    await limited(scope, receiver(body(b"12345", True), body(b"67890")), send)


async def test_a_body_that_arrives_too_slowly_is_given_up():
    limited = limits(timeout_s=0.02)
    with anyio.fail_after(5), pytest.raises(BodyTimeout):
        await limited(SCOPE, receiver(body(b"1", True)), send)


async def test_a_client_that_leaves_cancels_the_work():
    ended = asyncio.Event()

    async def work(scope, receive, send) -> None:
        await read_all(scope, receive, send)
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    with anyio.fail_after(5):
        await Disconnect(work)(
            SCOPE, receiver(body(b"1", True), body(b"2"), {"type": "http.disconnect"}), send
        )
    assert ended.is_set()


async def test_work_that_ends_is_not_disturbed_by_a_client_that_stays():
    with anyio.fail_after(5):
        await Disconnect(read_all)(SCOPE, receiver(body(b"1")), send)


async def test_a_failure_of_the_work_comes_through():
    async def fail(scope, receive, send) -> None:
        await read_all(scope, receive, send)
        raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        await Disconnect(fail)(SCOPE, receiver(body(b"1")), send)
