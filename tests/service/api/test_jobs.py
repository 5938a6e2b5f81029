"""`Prefer: respond-async`, over real HTTP: requests that are answered later."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile

import httpx
import pytest

from relight.client import AsyncClient, Client
from relight.errors import ImageCorrupt, JobNotFound
from tests import http_client as http
from tests.service.calls import (
    ASYNC,
    job_status,
    metric,
    problem_of,
    relight,
    submit,
    wait_until,
)
from tests.service.stand_ins import decoded, held


def test_a_job_ends_with_the_answer_that_the_request_would_have_had(url, png):
    asked = {"direction": "W", "temperature": 3200, "format": "png"}
    taken = submit(url, png, **asked)
    assert taken.status_code == 202
    assert taken.headers["preference-applied"] == "respond-async"
    assert taken.json()["state"] in {"waiting", "running"}
    status = job_status(url, taken)
    assert status["state"] == "succeeded"
    assert status["operation"] == "/relight"
    result = http.get(url + status["result"])
    plain = relight(url, png, **asked)
    assert result.content == plain.content
    own = {"x-request-id", "date", "server-timing", "x-cache"}
    assert {n: v for n, v in result.headers.items() if n not in own} == {
        n: v for n, v in plain.headers.items() if n not in own
    }
    assert http.get(url + status["result"]).content == plain.content  # it is kept


def test_a_batch_becomes_a_job_with_its_archive(url, png):
    files = [("image", ("a.png", png)), ("image", ("bad.png", png[:200]))]
    taken = http.post(f"{url}/relight/batch", files=files, headers=ASYNC)
    assert taken.status_code == 202
    status = job_status(url, taken)
    result = http.get(url + status["result"])
    assert result.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(result.content))
    good, bad = json.loads(archive.read("manifest.json"))["images"]
    assert archive.read(good["member"]) == relight(url, png).content
    assert bad["problem"]["code"] == "image_corrupt"


def test_a_job_that_fails_has_the_problem_that_the_request_would_have_had(url, png):
    taken = submit(url, png[:300])
    status = job_status(url, taken)
    assert (status["state"], status["result"]) == ("failed", None)
    assert status["problem"]["code"] == "image_corrupt"
    answer = http.get(f"{url}{taken.headers['location']}/result")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == status["problem"]
    assert status["problem"]["request_id"] == taken.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "options", "code"),
    [
        ("/relight", {"direction": "up"}, "invalid_option"),
        ("/relight?strength=2", {}, "invalid_option"),
    ],
)
def test_invalid_options_are_refused_at_once(url, png, path, options, code):
    answer = http.post(url + path, content=png, params=options or None, headers=ASYNC)
    assert problem_of(answer)["code"] == code


def test_a_job_that_is_not_done_has_no_result_yet(fake_service, png):
    with fake_service(lambda n: 0.0) as (url, engine):
        with held(engine) as sizes:
            taken = submit(url, png)
            wait_until(lambda: sizes)
            assert job_status(url, taken, wait_s=0)["state"] == "running"
            early = http.get(f"{url}{taken.headers['location']}/result")
            assert problem_of(early)["code"] == "job_unfinished"
            assert early.status_code == 409
        assert job_status(url, taken)["state"] == "succeeded"


def test_deleting_cancels_and_forgets_a_job_in_any_state(fake_service, png):
    with fake_service(lambda n: 0.0, max_batch_size=1) as (url, engine):
        with held(engine) as sizes:
            taken = [submit(url, png, strength=n / 20) for n in range(1, 20)]
            wait_until(lambda: sizes)
            for answer in reversed(taken):
                gone = http.delete(url + answer.headers["location"])
                assert (gone.status_code, gone.content) == (204, b"")
                again = http.get(url + answer.headers["location"])
                assert problem_of(again)["code"] == "job_not_found"
        wait_until(lambda: metric(url, "relight_job_bytes") == 0)
        assert metric(url, 'relight_jobs_ended_total{outcome="cancelled"}') == 19
        after = submit(url, png)
        assert job_status(url, after)["state"] == "succeeded"
        assert http.delete(url + after.headers["location"]).status_code == 204
        wait_until(lambda: metric(url, "relight_job_bytes") == 0)
        wait_until(lambda: metric(url, "relight_bytes_in_flight") == 0)
    assert sum(engine.batch_sizes) <= 4  # of the cancelled ones, those that were on the device


async def test_cancelling_a_job_answers_those_that_wait_for_it_at_once(fake_service, png):
    with fake_service(lambda n: 0.0) as (url, engine), held(engine):
        taken = submit(url, png)
        async with http.AsyncClient(base_url=url) as client:
            waiting = asyncio.create_task(
                client.get(taken.headers["location"], headers={"Prefer": "wait=30"})
            )
            async with asyncio.timeout(20):
                await asyncio.sleep(0)
                await client.get("/livez")  # answered after the other request was read
                await client.delete(taken.headers["location"])
                assert problem_of(await waiting)["code"] == "job_not_found"


def test_the_same_request_with_the_same_key_is_the_same_job(url, png):
    key = {"Idempotency-Key": "order-7"}
    first = submit(url, png, headers=key, direction="E")
    again = submit(url, png, headers=key, direction="E")
    assert first.headers["location"] == again.headers["location"]
    for data, asked in ((png, {"direction": "W"}), (png + b" ", {"direction": "E"})):
        other = submit(url, data, headers=key, **asked)
        assert problem_of(other)["code"] == "idempotency_key_reused"
    elsewhere = submit(url, png, headers={"Idempotency-Key": "order-8"}, direction="E")
    assert elsewhere.headers["location"] != first.headers["location"]
    job_status(url, first)
    http.delete(url + first.headers["location"])
    fresh = submit(url, png, headers=key, direction="W")  # the key is free again
    assert fresh.status_code == 202


def test_a_form_sent_again_with_another_boundary_is_the_same_request(url, png):
    def post() -> httpx.Response:
        files = {"image": ("a.png", png), "mask": ("m.png", png)}
        headers = ASYNC | {"Idempotency-Key": "form"}
        return http.post(f"{url}/relight", files=files, data={"fill": "0.2"}, headers=headers)

    assert post().headers["location"] == post().headers["location"]


@pytest.mark.parametrize("key", ["", "a" * 129, "two words"])
def test_a_key_of_another_form_is_refused(url, png, key):
    problem = problem_of(submit(url, png, headers={"Idempotency-Key": key}))
    assert problem["option"] == "Idempotency-Key"


def test_the_refusal_of_a_method_names_those_of_a_job(url):
    answer = http.put(f"{url}/jobs/1")
    assert problem_of(answer)["code"] == "method_not_allowed"
    assert answer.headers["allow"] == "DELETE, GET"


@pytest.mark.parametrize("prefer", ["wait=5", "respond-asynchronously", "", "handling=lenient;x=1"])
def test_other_preferences_change_nothing(url, png, prefer):
    answer = http.post(f"{url}/relight", content=png, headers={"Prefer": prefer})
    assert answer.status_code == 200


def test_preferences_may_come_together(url, png):
    headers = [("Prefer", "handling=strict, Respond-Async; x=1"), ("Prefer", "wait=1")]
    assert http.post(f"{url}/relight", content=png, headers=headers).status_code == 202


async def test_clients_wait_for_jobs(url, png):
    asked = {"direction": "W", "format": "png"}
    expected = relight(url, png, **asked).content
    with Client(url) as client:
        job = client.submit(png, job={"idempotency_key": "client", "job_timeout_s": 60}, **asked)
        assert (
            client.submit(png, job={"idempotency_key": "client", "job_timeout_s": 60}, **asked).id
            == job.id
        )
        assert client.result(job).data == expected
        done = client.job(job)
        assert (done.state, done.operation, done.has_ended) == ("succeeded", "/relight", True)
        client.cancel(job)
        with pytest.raises(JobNotFound):
            client.result(job.id)
        broken = client.submit(png[:200])
        with pytest.raises(ImageCorrupt):
            client.result(broken)
        assert isinstance(client.job(broken).problem, ImageCorrupt)
        good, bad = client.batch_result(client.submit_batch([png, png[:200]], **asked))
        assert good.data == expected
        assert isinstance(bad, ImageCorrupt)
    async with AsyncClient(url) as client:
        job = await client.submit(png, **asked)
        assert (await client.result(job)).data == expected
        batch = await client.submit_batch([png], **asked)
        (relit,) = await client.batch_result(batch)
        assert decoded(relit.data).shape == decoded(expected).shape
        await client.cancel(job)
        assert (await client.job(batch, wait_s=1)).has_ended
