"""`docker compose up` on a laptop: small, confined, in order."""

from __future__ import annotations

import sys

import pytest
import yaml

from service.settings import Settings
from tests.deploy.tools import ROOT, run

COMPOSE = ROOT / "docker-compose.yml"
SERVICES = yaml.safe_load(COMPOSE.read_text())["services"]
every_service = pytest.mark.parametrize("name", SERVICES)


def test_it_keeps_the_compose_specification():
    checker = [sys.executable, "-m", "check_jsonschema"]
    run(*checker, "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_plain_up_is_the_cpu_service_alone():
    assert [name for name, service in SERVICES.items() if "profiles" not in service] == ["relight"]
    assert SERVICES["relight"]["build"]["target"] == "cpu"
    assert SERVICES["relight-gpu"]["profiles"] == ["gpu"]
    assert SERVICES["relight-gpu"]["build"]["target"] == "cuda"
    assert SERVICES["prometheus"]["profiles"] == SERVICES["grafana"]["profiles"] == ["monitoring"]


@every_service
def test_each_container_is_confined_and_restarts(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert service["image"].partition(":")[2] not in ("", "latest")


def test_only_pages_for_people_have_a_host_port_and_only_on_this_machine():
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {
        "relight": ["127.0.0.1:8000:8000"],
        "relight-gpu": ["127.0.0.1:8001:8000"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


def test_each_container_waits_until_its_dependencies_are_healthy():
    assert SERVICES["prometheus"]["depends_on"] == {"relight": {"condition": "service_healthy"}}
    assert SERVICES["grafana"]["depends_on"] == {"prometheus": {"condition": "service_healthy"}}
    assert "HEALTHCHECK" in (ROOT / "docker/service.Dockerfile").read_text()


def test_an_admitted_request_is_finished_before_the_end():
    settings = Settings()
    longest_s = settings.drain_s + settings.request_timeout_ms / 1e3 + 5
    assert int(SERVICES["relight"]["stop_grace_period"].removesuffix("s")) >= longest_s


@every_service
def test_every_file_that_is_mounted_exists(name):
    for volume in SERVICES[name].get("volumes", []):
        source = volume.partition(":")[0]
        assert not source.startswith(".") or (ROOT / source).is_file()


def test_prometheus_takes_its_configuration():
    run("promtool", "check", "config", ROOT / "docker/monitoring/prometheus.yml")
