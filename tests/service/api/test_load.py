"""What holds when things go wrong or many come at once, over real HTTP."""

from __future__ import annotations

import asyncio
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

from service.errors import DevicePoisoned, OutOfMemory
from tests.service.calls import cancelled, metric, problem_of, relight, wait_until


async def test_one_corrupt_image_does_not_fail_its_neighbours(url, png):
    corrupt = png[: len(png) // 2]
    async with httpx.AsyncClient(base_url=url) as client:
        bodies = [png, png, png, corrupt, png, png, png, png]
        answers = await asyncio.gather(*(client.post("/relight", content=b) for b in bodies))
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 200, 200, 422, 200, 200, 200, 200]
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1


async def test_requests_that_wait_together_share_a_batch(fake_service, png):
    with fake_service(lambda n: 0.05, max_batch_size=8) as (url, engine):
        async with httpx.AsyncClient(base_url=url) as client:
            await asyncio.gather(*(client.post("/relight", content=png) for _ in range(9)))
    assert sum(engine.batch_sizes) == 9
    assert max(engine.batch_sizes) > 1


async def test_a_deadline_ends_the_request_the_moment_it_passes(fake_service, png):
    with fake_service(lambda n: 0.02) as (url, engine):
        engine.duration_s = lambda n: 0.8  # slower than the warm-up led to expect
        async with httpx.AsyncClient(base_url=url) as client:
            started_s = time.monotonic()
            answer = await client.post(
                "/relight", content=png, headers={"X-Request-Timeout-Ms": "200"}
            )
            waited_s = time.monotonic() - started_s
    assert problem_of(answer)["code"] == "deadline_exceeded"
    assert answer.status_code == 504
    assert waited_s < 0.7


def test_a_deadline_ends_an_upload_the_moment_it_passes(url):
    target = urlsplit(url)
    head = "POST /relight HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\nX-Request-Timeout-Ms: 200"
    with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
        started_s = time.monotonic()
        connection.sendall(f"{head}\r\n\r\nabc".encode())
        answer = connection.recv(10_000)
        waited_s = time.monotonic() - started_s
    assert answer.startswith(b"HTTP/1.1 504")
    assert waited_s < 2  # the body might have taken 30


async def test_a_device_without_memory_for_a_batch_serves_it_in_halves(fake_service, png):
    def small(n: int) -> float:
        if n > 2:
            raise OutOfMemory("no memory")
        return 0.05

    with fake_service(lambda n: 0.05, max_batch_size=8) as (url, engine):
        engine.duration_s = small
        async with httpx.AsyncClient(base_url=url) as client:
            calls = (client.post("/relight", content=png) for _ in range(12))
            answers = await asyncio.gather(*calls)
        assert {answer.status_code for answer in answers} == {200}
        assert max(engine.batch_sizes) == 2
        assert 1 <= metric(url, 'relight_out_of_memory_total{model="fake"}') <= 2


async def test_overload_is_refused_at_once_with_a_retry_after(fake_service, png):
    with fake_service(lambda n: 0.15, max_batch_size=1, max_queue_wait_ms=200) as (url, engine):
        async with httpx.AsyncClient(base_url=url) as client:
            answers = await asyncio.gather(
                *(client.post("/relight", content=png) for _ in range(8))
            )
    refused = [answer for answer in answers if answer.status_code == 503]
    served = [answer for answer in answers if answer.status_code == 200]
    assert len(served) + len(refused) == 8
    assert 1 <= len(served) <= 4
    for answer in refused:
        assert problem_of(answer)["code"] == "overloaded"
        assert int(answer.headers["retry-after"]) >= 1
    assert sum(engine.batch_sizes) == len(served)


@pytest.mark.parametrize("value", ["0", "-5", "soon", "1.5"])
def test_a_malformed_timeout_is_refused(url, png, value):
    answer = httpx.post(f"{url}/relight", content=png, headers={"X-Request-Timeout-Ms": value})
    assert problem_of(answer)["option"] == "X-Request-Timeout-Ms"


def test_clients_that_leave_do_not_cost_device_time(fake_service, png):
    with fake_service(lambda n: 0.25, max_batch_size=1) as (url, engine):
        target = urlsplit(url)
        head = f"POST /relight HTTP/1.1\r\nHost: x\r\nContent-Length: {len(png)}\r\n\r\n"
        for _ in range(10):
            with socket.create_connection((target.hostname, target.port)) as connection:
                connection.sendall(head.encode() + png)
                time.sleep(0.02)
        wait_until(lambda: cancelled(url) == 10)
        assert relight(url, png).status_code == 200
    assert sum(engine.batch_sizes) < 5


def test_a_client_that_leaves_during_the_upload_is_counted_and_hurts_nobody(url, png):
    before = cancelled(url)
    target = urlsplit(url)
    with socket.create_connection((target.hostname, target.port)) as connection:
        connection.sendall(b"POST /relight HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\nabc")
    wait_until(lambda: cancelled(url) == before + 1)
    assert relight(url, png).status_code == 200


def test_a_device_that_fails_answers_500_without_its_words(fake_service, png):
    def fail(n: int) -> float:
        raise RuntimeError("secret of the device")

    with fake_service(lambda n: 0.0) as (url, engine):
        engine.duration_s = fail
        answer = relight(url, png)
        assert problem_of(answer)["code"] == "gpu_error"
        assert "secret" not in answer.text
        engine.duration_s = lambda n: 0.0
        assert relight(url, png).status_code == 200


async def test_overload_can_be_told_as_429(fake_service, png):
    knobs = {"max_batch_size": 1, "max_queue_wait_ms": 1, "overload_status": "429"}
    with fake_service(lambda n: 0.1, **knobs) as (url, _):
        async with httpx.AsyncClient(base_url=url) as client:
            answers = await asyncio.gather(
                *(client.post("/relight", content=png) for _ in range(6))
            )
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {problem_of(answer)["code"] for answer in refused} == {"overloaded"}


async def test_a_body_finds_no_room_when_others_hold_it_and_room_comes_back(fake_service, png):
    with fake_service(lambda n: 0.3, max_inflight_bytes=1_000_000) as (url, _):
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            answers = await asyncio.gather(
                *(client.post("/relight", content=png) for _ in range(8))
            )
            refused = [answer for answer in answers if answer.status_code == 503]
            assert {problem_of(answer)["code"] for answer in refused} == {"server_full"}
            assert any(answer.status_code == 200 for answer in answers)
            assert metric(url, 'relight_rejected_total{reason="bytes"}') == len(refused)
            assert metric(url, "relight_bytes_in_flight") == 0
            assert (await client.post("/relight", content=png)).status_code == 200


async def test_interactive_work_overtakes_bulk_work(fake_service, png):
    with fake_service(lambda n: 0.1, max_batch_size=1) as (url, _):
        async with httpx.AsyncClient(base_url=url) as client:
            done: list[str] = []

            async def call(priority: str) -> None:
                answer = await client.post(
                    "/relight", content=png, headers={"X-Priority": priority}
                )
                assert answer.status_code == 200
                done.append(priority)

            bulk = [asyncio.create_task(call("bulk")) for _ in range(6)]
            await asyncio.sleep(0.15)
            await call("interactive")
            await asyncio.gather(*bulk)
    assert done.index("interactive") <= 3


def test_an_unknown_priority_is_refused_with_the_known_ones(url, png):
    answer = httpx.post(f"{url}/relight", content=png, headers={"X-Priority": "vip"})
    assert problem_of(answer)["allowed"] == ["interactive", "bulk"]


def test_a_poisoned_device_fails_the_liveness_probe(fake_service, png):
    def poison(n: int) -> float:
        raise DevicePoisoned("it broke down")

    with fake_service(lambda n: 0.0) as (url, engine):
        engine.duration_s = poison
        assert problem_of(relight(url, png))["code"] == "device_poisoned"
        wait_until(lambda: httpx.get(f"{url}/livez").status_code == 503)
        assert httpx.get(f"{url}/readyz").status_code == 503
        assert "broke down" in httpx.get(f"{url}/livez").json()["reason"]
        assert relight(url, png).status_code == 503
