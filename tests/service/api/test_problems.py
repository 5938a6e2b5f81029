from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from relight.errors import RelightError
from service.api import problems
from tests import http_client as http

# Callers compare codes as text: a released one keeps its name, and a new one is added here.
RELEASED_CODES = [
    "bad_request",
    "body_timeout",
    "body_too_large",
    "deadline_exceeded",
    "device_poisoned",
    "draining",
    "forbidden",
    "gpu_error",
    "headers_timeout",
    "headers_too_large",
    "idempotency_key_reused",
    "image_animated",
    "image_corrupt",
    "image_too_large",
    "image_too_slow",
    "image_too_small",
    "internal",
    "invalid_multipart",
    "invalid_option",
    "invalid_tensor",
    "job_not_found",
    "job_unfinished",
    "light_unreadable",
    "method_not_allowed",
    "missing_image",
    "model_not_ready",
    "model_refused",
    "not_found",
    "out_of_memory",
    "overloaded",
    "rate_limited",
    "server_full",
    "signing_failed",
    "too_many_connections",
    "unauthorized",
    "unsupported_media_type",
]


def leaves(error: type[RelightError]) -> Iterator[type[RelightError]]:
    children = error.__subclasses__()
    yield from ([error] if not children else (leaf for c in children for leaf in leaves(c)))


@pytest.mark.parametrize("error", list(leaves(RelightError)))
def test_every_error_has_a_status_and_a_code(error):
    assert problems.KINDS[error].code == error.code
    assert "code" in vars(error)  # its own: no two classes share one


def test_every_kind_has_its_own_code_and_a_status_of_an_error():
    assert len(set(problems.CODES)) == len(problems.CODES)
    assert all(400 <= kind.status < 600 for kind in problems.ALL_KINDS)


def test_a_released_code_keeps_its_name():
    assert sorted(problems.CODES) == RELEASED_CODES


async def test_an_unexpected_exception_shows_nothing_of_itself(caplog):
    app = FastAPI()
    problems.install(app)

    @app.get("/fail")
    async def fail() -> None:
        raise ValueError("the password is swordfish")

    transport = httpx.ASGITransport(app)
    async with http.AsyncClient(transport=transport, base_url="http://service") as client:
        answer = await client.get("/fail")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "swordfish" not in answer.text
    assert "swordfish" in caplog.text  # but the log has it


async def test_the_frameworks_own_validation_speaks_the_same_language():
    app = FastAPI()
    problems.install(app)

    @app.get("/typed")
    async def typed(number: int) -> int:
        return number

    transport = httpx.ASGITransport(app)
    async with http.AsyncClient(transport=transport, base_url="http://service") as client:
        answer = await client.get("/typed", params={"number": "many"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_option")
    assert answer.json()["option"] == "number"
