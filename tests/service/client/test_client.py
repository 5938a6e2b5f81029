"""The client against a real service, blocking and asynchronous."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, get_type_hints

import anyio
import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from service.api import catalogue
from service.api.problems import KINDS
from service.client import AsyncClient, Catalogue, Client, Options
from service.client.answers import read_problem
from service.errors import (
    DeadlineExceeded,
    ImageCorrupt,
    InvalidOption,
    RelightError,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from service.keys import digest_of
from service.lights import Light
from service.options import RelightOptions
from tests.service.calls import cancelled, metric, wait_until
from tests.service.stand_ins import decoded, serving

Call = Callable[..., Any]


def call_blocking(url: str, method: str, *arguments: object, **more: Any) -> Any:
    how = {name: more.pop(name) for name in ("key", "max_retries", "transport") if name in more}
    with Client(url, **how) as client:
        return getattr(client, method)(*arguments, **more)


def call_async(url: str, method: str, *arguments: object, **more: Any) -> Any:
    how = {name: more.pop(name) for name in ("key", "max_retries") if name in more}

    async def run() -> Any:
        async with AsyncClient(url, **how) as client:
            return await getattr(client, method)(*arguments, **more)

    return anyio.run(run)


@pytest.fixture(params=[call_blocking, call_async], ids=["blocking", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    return request.param


def test_a_path_bytes_and_an_open_file_give_the_same_photo(call, url, png, picture, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(png)
    behind = io.BytesIO(b"left alone" + png)
    behind.seek(10)  # a file is read from where it stands
    images = [path, str(path), png, io.BytesIO(png), behind]
    answers = [call(url, "relight", image, direction="W", temperature=3200) for image in images]
    assert {answer.data for answer in answers} == {answers[0].data}
    assert decoded(answers[0].data).shape == picture.shape


def test_a_result_says_what_it_is(call, url, png):
    relit = call(url, "relight", png, light=Light("W", 3200), format="jpeg", progressive=False)
    assert relit.media_type == "image/jpeg"
    assert relit.light == Light("W", 3200)
    assert relit.model.startswith("tiny-E-4500@")
    assert relit.etag.startswith('W/"')
    assert relit.cache in {"hit", "miss"}
    assert relit.request_id
    assert {"read", "decode", "detail", "encode", "total"} <= set(relit.timings_ms)
    assert repr(relit.data[:10]) not in repr(relit)


def test_a_pipe_is_sent_although_it_cannot_be_wound_back(call, url, png):
    read_end, write_end = os.pipe()
    os.write(write_end, png)  # small enough for the pipe to hold
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        assert call(url, "relight", pipe).data == call(url, "relight", png).data


def test_a_problem_is_raised_as_the_services_own_error(call, url, png):
    with pytest.raises(ImageCorrupt) as corrupt:
        call(url, "relight", png[: len(png) // 2])
    assert corrupt.value.request_id
    with pytest.raises(UnsupportedMediaType):
        call(url, "relight", b"hello")
    with pytest.raises(InvalidOption) as refusal:
        call(url, "relight", png, direction="N")
    assert refusal.value.option == "direction"
    assert refusal.value.allowed == ("E", "W")


def test_a_missing_file_is_an_error_of_the_file_system(call, url, tmp_path):
    with pytest.raises(FileNotFoundError):
        call(url, "relight", tmp_path / "nothing.jpg")


def test_a_batch_tells_for_each_photo_how_it_ended(call, url, png, tmp_path):
    (tmp_path / "bad.png").write_bytes(png[:500])
    first, bad, last = call(url, "relight_batch", [png, tmp_path / "bad.png", png], direction="W")
    assert isinstance(bad, ImageCorrupt)
    assert first.data == last.data == call(url, "relight", png, direction="W").data
    assert first.media_type == "image/png"
    assert (first.light.direction, first.request_id) == ("W", bad.request_id)


def test_the_catalogue_comes_as_the_service_describes_it(call, url):
    offered = call(url, "models")
    assert set(offered) == set(get_type_hints(Catalogue)) == set(catalogue.Catalogue.model_fields)
    assert offered["directions"] == ["E", "W"]


def test_the_options_are_those_of_the_service():
    assert set(get_type_hints(Options)) == set(RelightOptions.model_fields)


@pytest.mark.parametrize("error", list(KINDS))
def test_every_code_becomes_its_exception(error):
    problem = {"code": KINDS[error].code, "detail": "so it is", "request_id": "1"}
    assert type(read_problem(problem)) is error


def test_a_code_that_this_client_does_not_know_is_an_error_all_the_same():
    error = read_problem({"code": "of_tomorrow", "detail": "so it is", "request_id": "1"})
    assert (type(error), str(error)) == (RelightError, "so it is")


def test_a_key_opens(call, fake_service, png):
    with fake_service(lambda n: 0.0, api_keys=(f"editor:{digest_of('secret')}",)) as (url, _):
        assert call(url, "relight", png, key="secret").data
        with pytest.raises(Unauthorized):
            call(url, "relight", png)


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
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert metric(url, 'relight_rejected_total{reason="overload"}') > 0
    assert len(outcomes) == 8
    assert sum(engine.batch_sizes) == 8


def refusing(num_times: int, headers: dict[str, str], body: bytes = b"") -> FastAPI:
    """An app that answers 503 so many times, then what it was sent; its model is the timeout."""
    app = FastAPI()
    app.state.asked_s = []

    @app.post("/relight")
    async def relight(request: Request) -> Response:
        data = await request.body()
        app.state.asked_s.append(time.monotonic())
        if len(app.state.asked_s) <= num_times:
            return Response(body or b"<html>busy</html>", 503, headers=headers)
        told = {"X-Light": "E-4500", "X-Model": request.headers["x-request-timeout-ms"]}
        return Response(data, media_type="image/png", headers=told)

    return app


def test_an_upload_is_wound_back_for_the_next_try_and_the_deadline_spans_all(call, png):
    app = refusing(2, {})  # from a proxy: no problem, no Retry-After
    with serving(app) as url:
        relit = call(url, "relight", io.BytesIO(png), timeout_s=20)
    assert relit.data == png
    assert len(app.state.asked_s) == 3
    waited_ms = (app.state.asked_s[2] - app.state.asked_s[0]) * 1e3
    assert int(relit.model) <= 20_000 - waited_ms + 50  # each try is told what is left


def test_nobody_comes_back_earlier_than_told(call, png):
    app = refusing(1, {"Retry-After": "1"})
    with serving(app) as url:
        call(url, "relight", png)
    first_s, second_s = app.state.asked_s
    assert second_s - first_s >= 1.0


def test_the_exact_time_of_the_problem_counts_before_the_rounded_header(call, png):
    body = b'{"code":"overloaded","detail":"busy","request_id":"1","retry_after_ms":100}'
    app = refusing(1, {"Retry-After": "30"}, body)
    with serving(app) as url:
        started_s = time.monotonic()
        call(url, "relight", png)
    assert time.monotonic() - started_s < 10


def test_a_wait_beyond_the_deadline_is_not_begun(call, png):
    app = refusing(9, {"Retry-After": "60"})
    with serving(app) as url:
        started_s = time.monotonic()
        with pytest.raises(Unavailable) as refusal:
            call(url, "relight", png, timeout_s=20)
    assert time.monotonic() - started_s < 10
    assert refusal.value.retry_after_s == 60
    assert len(app.state.asked_s) == 1


def test_a_service_that_starts_late_is_waited_for(call, png, models_dir):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
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


def test_where_nobody_listens_it_says_so(call, png):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(Unavailable, match="cannot be reached"):
            call(url, "relight", png, max_retries=1)


def test_a_deadline_ends_a_call_that_the_server_does_not(call, png):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the request and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started_s = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            call(url, "relight", png, timeout_s=0.5)
    assert 0.4 < time.monotonic() - started_s < 5


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


def test_the_service_is_told_the_deadline(call, fake_service, png):
    with fake_service(lambda n: 0.0) as (url, engine):
        engine.duration_s = lambda n: 1.0
        with pytest.raises(DeadlineExceeded):
            call(url, "relight", png, timeout_s=0.4)
        ends = 'relight_deadline_exceeded_total{stage="infer"}'
        wait_until(lambda: metric(url, ends) + cancelled(url) == 1)


async def test_a_cancelled_call_frees_its_work_in_the_service(fake_service, png):
    with fake_service(lambda n: 0.3, max_batch_size=1) as (url, _):
        async with AsyncClient(url) as client:
            with anyio.move_on_after(0.15):
                await client.relight(png)
        await anyio.to_thread.run_sync(wait_until, lambda: cancelled(url) == 1)


def test_an_address_without_a_scheme_is_refused():
    with pytest.raises(ValueError, match="http://"):
        Client("localhost:8000")


async def test_a_transport_of_httpx_can_be_given():
    app = refusing(0, {})
    async with AsyncClient("http://service", transport=httpx.ASGITransport(app)) as client:
        assert (await client.relight(b"1234")).data == b"1234"


def test_importing_the_client_needs_nothing_of_the_service():
    heavy = ["cv2", "fastapi", "numpy", "onnxruntime", "PIL", "pydantic", "starlette", "uvicorn"]
    code = f"import sys; sys.modules.update(dict.fromkeys({heavy})); import service.client"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_connection_that_breaks_counts_as_none(call):
    def answer(listener: socket.socket) -> None:
        for body in (None, b"relit"):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                if body is not None:
                    head = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nX-Light: E-4500\r\n"
                    head += f"X-Model: m\r\nContent-Length: {len(body)}\r\n\r\n"
                    connection.sendall(head.encode() + body)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert call(url, "relight", b"photo").data == b"relit"
        thread.join()
