"""The client against a real service, blocking and asynchronous."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
from typing import get_type_hints

import anyio
import httpx
import pytest

from relight.client import AsyncClient, Catalogue, Client
from relight.client.answers import read_problem
from relight.errors import (
    ImageCorrupt,
    InvalidOption,
    RelightError,
    Unauthorized,
    UnsupportedMediaType,
)
from relight.lights import Light
from relight.options import Options
from service.api import catalogue
from service.api.problems import KINDS
from service.relighting.options import RelightOptions
from service.traffic.keys import digest_of
from tests.relight.client.refusals import refusing
from tests.service.calls import cancelled, wait_until
from tests.service.stand_ins import decoded


def test_a_path_bytes_and_an_open_file_give_the_same_photo(call, url, png, picture, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(png)
    behind = io.BytesIO(b"left alone" + png)
    behind.seek(10)  # a file is read from where it stands
    images = [path, str(path), png, io.BytesIO(png), behind]
    answers = [call(url, "relight", image, direction="W", temperature=3200) for image in images]
    assert {answer.data for answer in answers} == {answers[0].data}
    assert decoded(answers[0].data).shape == picture.shape


def test_a_result_describes_itself(call, url, png):
    relit = call(url, "relight", png, light=Light("W", 3200), format="jpeg", progressive=False)
    assert relit.media_type == "image/jpeg"
    assert relit.light == Light("W", 3200)
    assert relit.model.startswith("tiny-E-4500@")
    assert relit.etag.startswith('W/"')
    assert relit.cache in {"hit", "miss"}
    assert relit.request_id
    assert relit.digital_source_type.endswith("/compositeWithTrainedAlgorithmicMedia")
    assert relit.content_credentials == "none"
    assert call(url, "relight", png, strength=0).digital_source_type is None
    assert {"read", "detail", "encode", "total"} <= set(relit.timings_ms)
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


def test_a_batch_reports_the_outcome_of_each_photo(call, url, png, tmp_path):
    (tmp_path / "bad.png").write_bytes(png[:500])
    first, bad, last = call(url, "relight_batch", [png, tmp_path / "bad.png", png], direction="W")
    assert isinstance(bad, ImageCorrupt)
    assert first.data == last.data == call(url, "relight", png, direction="W").data
    assert first.media_type == "image/png"
    assert (first.light.direction, first.request_id) == ("W", bad.request_id)


def test_the_catalogue_comes_as_the_service_describes_it(call, url):
    offered = call(url, "models")
    assert (
        set(offered) == set(get_type_hints(Catalogue)) == set(catalogue.ModelCatalogue.model_fields)
    )
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
    code = f"import sys; sys.modules.update(dict.fromkeys({heavy})); import relight.client"
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
