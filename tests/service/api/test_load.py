"""What holds when things go wrong or many come at once, over real HTTP."""

from __future__ import annotations

import asyncio
import itertools
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from relight.errors import DevicePoisoned, OutOfMemory
from service.inference.fake_engine import FakeEngine
from tests import http_client as http
from tests.service.calls import cancelled, metric, problem_of, queued, relight, wait_until
from tests.service.stand_ins import held

pytestmark = pytest.mark.serial


async def flood(
    url: str, engine: FakeEngine, data: bytes, num_photos: int, num_first: int = 1
) -> tuple[list[httpx.Response], list[httpx.Response]]:
    """Send photos all at once, and hold the device until the first are answered; return both."""
    async with http.AsyncClient(base_url=url) as client:
        posts = [client.post("/relight", content=data) for _ in range(num_photos)]
        with held(engine):
            calls = [asyncio.create_task(post) for post in posts]
            first = [
                await call for call in itertools.islice(asyncio.as_completed(calls), num_first)
            ]
        return first, await asyncio.gather(*calls)


async def test_one_corrupt_image_does_not_fail_its_neighbours(url, png):
    corrupt = png[: len(png) // 2]
    async with http.AsyncClient(base_url=url) as client:
        bodies = [png, png, png, corrupt, png, png, png, png]
        answers = await asyncio.gather(*(client.post("/relight", content=b) for b in bodies))
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 200, 200, 422, 200, 200, 200, 200]
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1


async def test_requests_that_wait_together_share_a_batch(fake_service, png):
    with fake_service(lambda n: 0.0, max_batch_size=8) as (url, engine):
        async with (
            http.AsyncClient(base_url=url) as client,
            asyncio.TaskGroup() as group,
        ):
            with held(engine) as sizes:
                group.create_task(client.post("/relight", content=png))
                await asyncio.to_thread(wait_until, lambda: sizes == [1])
                for _ in range(8):
                    group.create_task(client.post("/relight", content=png))
                await asyncio.to_thread(wait_until, lambda: queued(url) == 8)
    assert engine.batch_sizes == [1, 8]


async def test_a_deadline_ends_the_request_the_moment_it_passes(fake_service, png):
    with fake_service(lambda n: 0.0) as (url, engine), held(engine):  # and still held then
        async with http.AsyncClient(base_url=url) as client:
            answer = await client.post(
                "/relight", content=png, headers={"X-Request-Timeout-Ms": "1000"}
            )
    assert problem_of(answer)["code"] == "deadline_exceeded"
    assert answer.status_code == 504


def test_a_deadline_ends_an_upload_the_moment_it_passes(url):
    target = urlsplit(url)
    head = "POST /relight HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\nX-Request-Timeout-Ms: 200"
    with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
        connection.sendall(f"{head}\r\n\r\nabc".encode())
        answer = connection.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 504")


async def test_a_device_without_memory_for_a_batch_serves_it_in_halves(fake_service, png):
    def small(n: int) -> float:
        if n > 2:
            raise OutOfMemory("no memory")
        return 0.05

    with fake_service(lambda n: 0.05, max_batch_size=8) as (url, engine):
        engine.duration_s = small
        async with http.AsyncClient(base_url=url) as client:
            with held(engine) as sizes:
                calls = [asyncio.create_task(client.post("/relight", content=png))]
                await asyncio.to_thread(wait_until, lambda: sizes == [1])
                posts = (client.post("/relight", content=png) for _ in range(11))
                calls += [asyncio.create_task(post) for post in posts]
                await asyncio.to_thread(wait_until, lambda: queued(url) == 11)
            answers = await asyncio.gather(*calls)
        assert {answer.status_code for answer in answers} == {200}
        assert max(engine.batch_sizes) == 2
        assert 1 <= metric(url, 'relight_out_of_memory_total{model="fake",part="whole"}') <= 2


async def test_overload_is_refused_at_once_with_a_retry_after(fake_service, png):
    with fake_service(lambda n: 0.15, max_batch_size=1, max_queue_wait_ms=200) as (url, engine):
        first, answers = await flood(url, engine, png, 8, num_first=4)
    assert {answer.status_code for answer in first} == {503}  # while the device was busy
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
    answer = http.post(f"{url}/relight", content=png, headers={"X-Request-Timeout-Ms": value})
    assert problem_of(answer)["option"] == "X-Request-Timeout-Ms"


def test_clients_that_leave_do_not_cost_device_time(fake_service, png):
    outstanding = 'relight_requests_outstanding{priority="interactive"}'
    with fake_service(lambda n: 0.0, max_batch_size=1) as (url, engine):
        target = urlsplit(url)
        head = f"POST /relight HTTP/1.1\r\nHost: x\r\nContent-Length: {len(png)}\r\n\r\n"
        with held(engine):
            for num_left in range(10):
                with socket.create_connection((target.hostname, target.port)) as connection:
                    connection.sendall(head.encode() + png)
                    wait_until(lambda: metric(url, outstanding) == 1)
                wait_until(lambda: cancelled(url) == num_left + 1)  # noqa: B023 - called at once
        assert relight(url, png).status_code == 200
    assert sum(engine.batch_sizes) <= 2  # the first of those who left may have begun


def test_a_client_that_leaves_during_the_upload_is_counted_and_hurts_no_other(url, png):
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


async def test_overload_can_be_answered_with_429(fake_service, png):
    knobs = {"max_batch_size": 1, "max_queue_wait_ms": 1, "overload_status": "429"}
    with fake_service(lambda n: 0.1, **knobs) as (url, engine):
        first, answers = await flood(url, engine, png, 6)
    assert first[0].status_code == 429
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {problem_of(answer)["code"] for answer in refused} == {"overloaded"}


async def test_a_body_is_refused_while_others_hold_the_memory_and_accepted_afterwards(
    fake_service, png
):
    with fake_service(lambda n: 0.0, max_inflight_bytes=1_000_000) as (url, engine):
        first, answers = await flood(url, engine, png, 8)
        assert first[0].status_code == 503
        refused = [answer for answer in answers if answer.status_code == 503]
        assert {problem_of(answer)["code"] for answer in refused} == {"server_full"}
        assert any(answer.status_code == 200 for answer in answers)
        assert metric(url, 'relight_rejected_total{reason="bytes"}') == len(refused)
        wait_until(lambda: metric(url, "relight_bytes_in_flight") == 0)
        assert relight(url, png).status_code == 200


async def test_interactive_work_overtakes_bulk_work(fake_service, png):
    with fake_service(lambda n: 0.1, max_batch_size=1) as (url, engine):
        async with (
            http.AsyncClient(base_url=url) as client,
            asyncio.TaskGroup() as group,
        ):
            done: list[str] = []

            async def call(priority: str) -> None:
                answer = await client.post(
                    "/relight", content=png, headers={"X-Priority": priority}
                )
                assert answer.status_code == 200
                done.append(priority)

            with held(engine) as sizes:
                group.create_task(call("bulk"))
                await asyncio.to_thread(wait_until, lambda: sizes == [1])
                for _ in range(5):
                    group.create_task(call("bulk"))
                await asyncio.to_thread(wait_until, lambda: queued(url) == 5)
                group.create_task(call("interactive"))
                await asyncio.to_thread(wait_until, lambda: queued(url) == 6)
    assert done.index("interactive") <= 3


def test_an_unknown_priority_is_refused_with_the_known_ones(url, png):
    answer = http.post(f"{url}/relight", content=png, headers={"X-Priority": "vip"})
    assert problem_of(answer)["allowed"] == ["interactive", "bulk"]


def test_a_poisoned_device_fails_the_liveness_probe(fake_service, png):
    def poison(n: int) -> float:
        raise DevicePoisoned("it broke down")

    with fake_service(lambda n: 0.0) as (url, engine):
        engine.duration_s = poison
        assert problem_of(relight(url, png))["code"] == "device_poisoned"
        wait_until(lambda: http.get(f"{url}/livez").status_code == 503)
        assert http.get(f"{url}/readyz").status_code == 503
        assert "broke down" in http.get(f"{url}/livez").json()["reason"]
        assert relight(url, png).status_code == 503
