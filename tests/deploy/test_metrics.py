"""A real Prometheus scrapes a running service: what we ask of it, it can answer."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bench.harness import Service, free_port, photo, running
from tests import http_client as http
from tests.deploy.monitoring import autoscaler_queries, metrics_in, panels, rule_file, rules
from tests.deploy.tools import ROOT, run
from tests.service.stand_ins import write_model

pytestmark = pytest.mark.serial

PANELS = panels()


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    """A service of its own process that has relit some photos."""
    folder = tmp_path_factory.mktemp("models")
    write_model(folder / "tiny-E-4500.onnx")
    with running(settings={"models_dir": folder}) as service:
        relight_some(service)
        yield service


@pytest.fixture(scope="module")
def names(service) -> set[str]:
    """The names of all its series."""
    families = text_string_to_metric_families(http.get(f"{service.ops_url}/metrics").text)
    return {sample.name for family in families for sample in family.samples}


@pytest.fixture(scope="module")
def prometheus(service, tmp_path_factory) -> Iterator[str]:
    """The address of a Prometheus that has scraped the service for some seconds."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed on this machine")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "rules.yml").write_text(rule_file())
    config = yaml.safe_load((ROOT / "docker" / "monitoring" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = ["rules.yml"]
    (job,) = config["scrape_configs"]
    del job["dns_sd_configs"]  # the names are those of Compose's network
    job["static_configs"] = [{"targets": [service.ops_url.removeprefix("http://")]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [
            program,
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={url.removeprefix('http://')}",
            "--log.level=error",
        ]
    )
    try:
        end_s = time.monotonic() + 40
        while not scraped(url, at_least=4):
            assert process.poll() is None
            assert time.monotonic() < end_s, "Prometheus has not scraped in time"
            relight_some(service)
            time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait()


def relight_some(service: Service) -> None:
    for seed in range(3):
        data = photo(seed=time.monotonic_ns() % 2**31 + seed)
        assert http.post(f"{service.url}/relight", content=data).status_code == 200


def scraped(url: str, *, at_least: int) -> bool:
    try:
        found = query(url, 'count_over_time(relight_model_ready{job="relight"}[1m])')
    except (httpx.TransportError, AssertionError):
        return False
    return bool(found) and float(found[0]["value"][1]) >= at_least


def test_the_scrape_configuration_of_compose_finds_a_pod_that_is_up(prometheus):
    (target,) = http.get(f"{prometheus}/api/v1/targets").json()["data"]["activeTargets"]
    assert (target["labels"]["job"], target["health"]) == ("relight", "up")
    assert target["lastError"] == ""


def test_prometheus_loads_and_evaluates_every_rule(prometheus):
    groups = http.get(f"{prometheus}/api/v1/rules").json()["data"]["groups"]
    loaded = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    assert loaded.keys() == {rule["alert"] for rule in rules()}
    assert set(loaded.values()) == {"ok"}


def query(url: str, expression: str) -> list[dict]:
    answer = http.get(f"{url}/api/v1/query", params={"query": expression})
    assert answer.status_code == 200, answer.text  # 503 while Prometheus starts
    return answer.json()["data"]["result"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_metric_of_an_alert_exists(rule, names):
    assert metrics_in(rule["expr"]) <= names
    assert metrics_in(rule["expr"]) or "up{" in rule["expr"]


@pytest.mark.parametrize("panel", PANELS)
def test_every_metric_of_the_dashboard_exists(panel, names):
    for expression in PANELS[panel]:
        assert metrics_in(expression)
        assert metrics_in(expression) <= names


@pytest.mark.parametrize("expression", autoscaler_queries())
def test_every_metric_that_scales_the_fleet_exists(expression, names):
    assert metrics_in(expression)
    assert metrics_in(expression) <= names


def test_the_metrics_are_written_as_prometheus_wants_them(service):
    text = http.get(f"{service.ops_url}/metrics").text
    run("promtool", "check", "metrics", stdin=text)


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_shows_something(panel, prometheus):
    for expression in PANELS[panel]:
        assert query(prometheus, expression), expression


# The others measure slowness, and a machine that runs tests may be slow.
@pytest.mark.parametrize(
    "rule",
    [rule for rule in rules() if rule["alert"] not in ("RelightSlow", "RelightStarved")],
    ids=lambda rule: rule["alert"],
)
def test_no_alert_fires_on_a_service_that_is_well(rule, prometheus):
    assert query(prometheus, rule["expr"]) == []


def test_the_autoscaler_gets_numbers(prometheus):
    for expression in autoscaler_queries():
        if "!=" not in expression:  # the adapter's wants a pod's labels
            (found,) = query(prometheus, expression)
            assert float(found["value"][1]) >= 0
