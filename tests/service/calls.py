"""How the tests call a running service, and read what it says of itself."""

from __future__ import annotations

import time

import httpx

from service.api.problems import CODES


def relight(url: str, data: bytes, **options: object) -> httpx.Response:
    return httpx.post(f"{url}/relight", content=data, params=options)


def metric(url: str, line_start: str) -> float:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(line_start)).rpartition(" ")[2])


def cancelled(url: str) -> float:
    """How many clients left before their answer, wherever they were."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    values = [line for line in lines if line.startswith("relight_cancelled_total")]
    return sum(float(line.rpartition(" ")[2]) for line in values)


def problem_of(answer: httpx.Response) -> dict:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["code"] in CODES
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


def wait_until(happened, timeout_s=5.0):
    end_s = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.02)
