"""When a client tries again, and when its deadline ends that."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading

import anyio
import pytest
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse

from bench.harness import free_port
from relight.errors import DeadlineExceeded, Unavailable
from tests.relight.client.refusals import refusing
from tests.service.calls import cancelled, metric, wait_until
from tests.service.stand_ins import held, serving


def test_an_overloaded_service_is_asked_again_until_it_answers(call, fake_service, png):
    knobs = {"max_batch_size": 1, "max_queue_wait_ms": 200}
    with fake_service(lambda n: 0.15, **knobs) as (url, engine):
        outcomes = []
        threads = [
            threading.Thread(
                target=lambda: outcomes.append(call(url, "relight", png, max_retries=20))
            )
            for _ in range(8)
        ]
        with held(engine):
            for thread in threads:
                thread.start()
            wait_until(lambda: metric(url, 'relight_rejected_total{reason="overload"}') > 0)
        for thread in threads:
            thread.join()
    assert len(outcomes) == 8
    assert sum(engine.batch_sizes) == 8


def test_an_upload_is_wound_back_for_the_next_try_and_the_deadline_spans_all(call, png):
    app = refusing(2, {})  # from a proxy: no problem, no Retry-After
    with serving(app) as url:
        relit = call(url, "relight", io.BytesIO(png), timeout_s=20)
    assert relit.data == png
    first_ms, second_ms, third_ms = app.state.timeouts_ms  # each try sends the time left
    assert first_ms <= 20_000
    assert second_ms < first_ms - 240  # for the pause of 250 ms, or more
    assert third_ms < second_ms - 490


def test_no_retry_is_earlier_than_the_service_asked_for(call, png, pauses_s):
    with serving(refusing(1, {"Retry-After": "15"})) as url:
        call(url, "relight", png)
    (pause_s,) = pauses_s
    assert 15 <= pause_s < 16


def test_the_exact_time_of_the_problem_counts_before_the_rounded_header(call, png, pauses_s):
    body = b'{"code":"overloaded","detail":"busy","request_id":"1","retry_after_ms":4100}'
    with serving(refusing(1, {"Retry-After": "30"}, body)) as url:
        call(url, "relight", png)
    (pause_s,) = pauses_s
    assert 4.1 <= pause_s < 5


def test_a_wait_beyond_the_deadline_is_not_begun(call, png, pauses_s):
    app = refusing(9, {"Retry-After": "60"})
    with serving(app) as url, pytest.raises(Unavailable) as refusal:
        call(url, "relight", png, timeout_s=20)
    assert refusal.value.retry_after_s == 60
    assert pauses_s == []
    assert len(app.state.timeouts_ms) == 1


def test_a_service_that_starts_late_is_waited_for(call, png, models_dir):
    port = free_port()
    environment = os.environ | {
        "RELIGHT_MODELS_DIR": str(models_dir),
        "RELIGHT_PORT": str(port),
        "RELIGHT_OPS_PORT": "0",
    }
    with subprocess.Popen([sys.executable, "-m", "service"], env=environment) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            assert call(url, "relight", png, max_retries=100, timeout_s=40).data
        finally:
            process.kill()


def test_a_missing_server_is_reported(call, png):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(Unavailable, match="cannot be reached"):
            call(url, "relight", png, max_retries=1)


def test_a_deadline_ends_a_call_that_the_server_does_not(call, png):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the request and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(DeadlineExceeded):
            call(url, "relight", png, timeout_s=0.5)


def test_a_deadline_ends_an_answer_that_trickles(call, png):
    app = FastAPI()

    @app.post("/relight")
    async def relight() -> Response:
        async def trickle():
            while True:
                yield b"."
                await anyio.sleep(0.05)

        return StreamingResponse(trickle())

    with serving(app) as url, pytest.raises(DeadlineExceeded):
        call(url, "relight", png, timeout_s=0.5)


@pytest.mark.serial
def test_the_deadline_is_sent_to_the_service(call, fake_service, png):
    with fake_service(lambda n: 0.0) as (url, engine), held(engine):
        with pytest.raises(DeadlineExceeded):
            call(url, "relight", png, timeout_s=1.0)
        ends = 'relight_deadline_exceeded_total{given="short",stage="infer"}'
        wait_until(lambda: metric(url, ends) + cancelled(url) == 1)
