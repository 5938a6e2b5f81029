"""How the tests call a running service, and read what it says of itself."""

from __future__ import annotations

import time

import httpx

from service.api.problems import CODES
from tests import http_client as http

ASYNC = {"Prefer": "respond-async"}


def relight(url: str, data: bytes, **options: object) -> httpx.Response:
    return http.post(f"{url}/relight", content=data, params=options)


def submit(url: str, data: bytes, *, headers=(), **options: object) -> httpx.Response:
    """Send a photo to be relit as a job."""
    return http.post(f"{url}/relight", content=data, params=options, headers=ASYNC | dict(headers))


def job_status(url: str, taken: httpx.Response, *, wait_s: int = 30, headers=()) -> dict:
    """Return the status of a submitted job, by default once it has ended."""
    state = http.get(
        url + taken.headers["location"],
        headers={"Prefer": f"wait={wait_s}"} | dict(headers),
    )
    assert state.status_code == 200, state.text
    return state.json()


def metric(url: str, line_start: str) -> float:
    lines = http.get(f"{url}/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(line_start)).rpartition(" ")[2])


def queued(url: str) -> float:
    """How many images wait for the device."""
    return _total(url, "relight_queue_depth")


def cancelled(url: str) -> float:
    """How many clients left before their answer, wherever they were."""
    return _total(url, "relight_cancelled_total")


def problem_of(answer: httpx.Response) -> dict:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["code"] in CODES
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


def _total(url: str, name: str) -> float:
    lines = http.get(f"{url}/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def wait_until(happened, timeout_s=30.0):
    end_s = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.02)
