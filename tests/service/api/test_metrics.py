"""The content of `/metrics`, over real HTTP."""

from __future__ import annotations

import re
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests import http_client as http
from tests.service.calls import problem_of, relight, wait_until


def series(url: str) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    families = text_string_to_metric_families(http.get(f"{url}/metrics").text)
    return {(s.name, frozenset(s.labels.items())) for f in families for s in f.samples}


def test_every_series_is_there_from_the_first_scrape(fake_service, png):
    with fake_service(lambda n: 0.01, api_keys=(), max_body_bytes=100_000) as (url, _):
        first = series(url)
        assert relight(url, png).status_code == 200
        assert relight(url, png[:500]).status_code == 422
        assert problem_of(relight(url, png, colour="red"))["code"] == "invalid_option"
        assert relight(url, b"0" * 200_000).status_code == 413
        late = http.post(f"{url}/relight", content=png, headers={"X-Request-Timeout-Ms": "1"})
        assert late.status_code == 504
        assert http.post(f"{url}/relight/batch", files={"image": ("a.png", png)}).is_success
        assert http.get(f"{url}/somewhere").status_code == 404
        assert http.post(f"{url}/-/reload").status_code == 401
        for path in ("models", "docs", "openapi.json", "livez"):
            assert http.get(f"{url}/{path}").is_success
        assert series(url) == first


def counts(url: str, name: str) -> dict[str, float]:
    """The samples of a counter by the value of its one label."""
    families = text_string_to_metric_families(http.get(f"{url}/metrics").text)
    samples = (s for f in families for s in f.samples if s.name == f"{name}_total")
    return {next(iter(s.labels.values())): s.value for s in samples}


def stage_seconds(url: str) -> dict[str, float]:
    families = text_string_to_metric_families(http.get(f"{url}/metrics").text)
    (family,) = [each for each in families if each.name == "relight_stage_duration_seconds"]
    return {s.labels["stage"]: s.value for s in family.samples if s.name.endswith("_sum")}


def test_a_stage_counts_in_seconds_and_the_answer_says_milliseconds(fake_service, png):
    with fake_service(lambda n: 0.02) as (url, _):
        before = stage_seconds(url)
        timing = relight(url, png).headers["server-timing"]
        after = stage_seconds(url)
    said_ms = {
        name: float(ms)
        for name, ms in re.findall(r"([\w-]+);dur=([\d.]+)", timing)
        if name in after
    }
    assert {"decode", "infer", "encode"} <= set(said_ms)
    for name, ms in said_ms.items():
        assert abs((after[name] - before[name]) * 1000 - ms) < 0.1, name


def test_a_broken_photo_is_counted_by_its_reason(url, png):
    before = counts(url, "relight_decode_failures")
    assert problem_of(relight(url, png[:500]))["code"] == "image_corrupt"
    assert problem_of(relight(url, b"no image"))["code"] == "unsupported_media_type"
    after = counts(url, "relight_decode_failures")
    changed = {reason for reason in after if after[reason] == before[reason] + 1}
    assert changed == {"image_corrupt", "unsupported_media_type"}
    assert sum(after.values()) == sum(before.values()) + 2


def test_a_refusal_is_counted_by_its_reason(fake_service, png):
    with fake_service(lambda n: 0.0, max_inflight_bytes=1) as (url, _):
        before = counts(url, "relight_rejected")
        assert relight(url, png).status_code == 503
        assert counts(url, "relight_rejected") == before | {"bytes": before["bytes"] + 1}


def test_a_refusal_is_no_part_of_how_long_answers_take(fake_service, png):
    with fake_service(lambda n: 0.0, max_inflight_bytes=1) as (url, _):
        assert relight(url, png).status_code == 503
        families = text_string_to_metric_families(http.get(f"{url}/metrics").text)
        (durations,) = [f for f in families if f.name == "relight_http_request_duration_seconds"]
    counts = {
        s.labels["outcome"]: s.value
        for s in durations.samples
        if s.name.endswith("_count") and s.labels["route"] == "/relight"
    }
    assert (counts["refused"], counts["ok"]) == (1, 0)


def test_the_duty_cycle_is_the_time_that_the_device_spent_on_batches(fake_service, png):
    def busy_s(url: str) -> float:
        families = text_string_to_metric_families(http.get(f"{url}/metrics").text)
        return next(
            s.value
            for f in families
            for s in f.samples
            if s.name == "relight_device_busy_seconds_total"
        )

    with fake_service(lambda n: 0.1) as (url, _):
        before_s, started_s = busy_s(url), time.monotonic()
        for _ in range(3):
            relight(url, png)
        wait_until(lambda: busy_s(url) - before_s >= 0.3)
        assert busy_s(url) - before_s < time.monotonic() - started_s


def test_the_number_of_series_is_the_documented_one(url):
    lines = http.get(f"{url}/metrics").text.splitlines()
    number = sum(not line.startswith("#") for line in lines)
    guide = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    documented = re.search(r"A pod has about ([\d,]+) series", guide)
    assert documented
    assert abs(number / int(documented[1].replace(",", "")) - 1) < 0.1
