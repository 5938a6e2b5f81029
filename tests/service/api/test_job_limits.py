"""What bounds jobs: their callers, number, bytes and time."""

from __future__ import annotations

from service.app import create_app
from service.settings import Settings
from service.traffic.keys import digest_of
from tests import http_client as http
from tests.service.calls import job_status, metric, problem_of, relight, submit, wait_until
from tests.service.stand_ins import encoded, held, serving


def test_a_job_waits_where_a_request_would_be_refused(fake_service, png):
    with fake_service(lambda n: 0.05, max_batch_size=1, max_queue_wait_ms=1) as (url, _):
        taken = [submit(url, png, direction=direction) for direction in "EWEWEW"]
        assert {answer.status_code for answer in taken} == {202}
        assert {job_status(url, answer)["state"] for answer in taken} == {"succeeded"}


def test_another_callers_jobs_do_not_exist(models_dir, png):
    keys = tuple(f"{name}:{digest_of(name)}" for name in ("ann", "bob"))
    ann, bob = ({"X-Api-Key": name} for name in ("ann", "bob"))
    with serving(create_app(Settings(models_dir=models_dir, api_keys=keys))) as url:
        mine = submit(url, png, headers=ann | {"Idempotency-Key": "1"})
        job_status(url, mine, headers=ann)
        place = url + mine.headers["location"]
        for answer in (
            http.get(place, headers=bob),
            http.get(f"{place}/result", headers=bob),
            http.delete(place, headers=bob),
        ):
            assert answer.status_code == 404
            assert problem_of(answer)["code"] == "job_not_found"
        assert problem_of(http.get(place))["code"] == "unauthorized"
        theirs = submit(url, png, headers=bob | {"Idempotency-Key": "1"})
        assert theirs.headers["location"] != mine.headers["location"]
        assert http.get(f"{place}/result", headers=ann).status_code == 200


def test_jobs_are_bounded_in_number_and_in_bytes(models_dir, png):
    knobs = {"max_job_bytes": 3 * len(png), "max_jobs_per_key": 2}
    with serving(create_app(Settings(models_dir=models_dir, **knobs))) as url:
        first, second = submit(url, png, format="webp"), submit(url, png, format="webp")
        third = submit(url, png)
        assert problem_of(third)["code"] == "rate_limited"
        assert third.status_code == 429
        http.delete(url + first.headers["location"])
        larger = problem_of(submit(url, png + b"\0" * 3 * len(png)))
        assert larger["code"] == "body_too_large"
        assert job_status(url, second)["state"] == "succeeded"


def test_a_body_that_does_not_fit_beside_those_of_other_jobs_is_refused(fake_service, png):
    with fake_service(lambda n: 0.0, max_job_bytes=3 * len(png) // 2) as (url, engine):
        with held(engine) as sizes:
            first = submit(url, png, format="webp", quality=1)
            wait_until(lambda: sizes)
            full = submit(url, png)
            assert (full.status_code, problem_of(full)["code"]) == (503, "server_full")
        assert job_status(url, first)["state"] == "succeeded"
        assert submit(url, png, format="webp", quality=1).status_code == 202


def test_a_job_fails_if_its_result_does_not_fit(url, models_dir, picture):
    small = encoded(picture // 64 * 64, "png")  # few codes: smaller than the answer
    num_bytes = len(relight(url, small, format="tiff").content)
    assert num_bytes > len(small)
    codes = {num_bytes - 1: "server_full", len(small) + num_bytes: None}
    for max_job_bytes, code in codes.items():
        knobs = {"max_job_bytes": max_job_bytes}
        with serving(create_app(Settings(models_dir=models_dir, **knobs))) as bounded:
            status = job_status(bounded, submit(bounded, small, format="tiff"))
            assert status["state"] == ("failed" if code else "succeeded")
            assert (status["problem"] or {}).get("code") == code


def test_a_result_is_forgotten_when_its_time_is_over(models_dir, png):
    with serving(create_app(Settings(models_dir=models_dir, job_keep_s=0.3))) as url:
        taken = submit(url, png, headers={"Idempotency-Key": "1"})
        place = url + taken.headers["location"]
        wait_until(lambda: http.get(place).status_code == 404)
        assert metric(url, "relight_job_bytes") == 0
        assert submit(url, png, headers={"Idempotency-Key": "1"}).headers["location"] not in place


def test_a_job_has_a_time_limit_which_the_caller_may_shorten(fake_service, png):
    with fake_service(lambda n: 0.0) as (url, engine), held(engine):
        taken = submit(url, png, headers={"X-Request-Timeout-Ms": "300"})
        assert job_status(url, taken)["problem"]["code"] == "deadline_exceeded"


def test_while_jobs_are_off_the_answer_comes_at_once(models_dir, png):
    with serving(create_app(Settings(models_dir=models_dir, max_job_bytes=0))) as url:
        answer = submit(url, png)
        assert answer.status_code == 200
        assert "preference-applied" not in answer.headers
