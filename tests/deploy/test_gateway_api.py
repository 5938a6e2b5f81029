"""Callers reach the photos by the gateway, over TLS, with limits that agree with the service."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from pydantic import ValidationError

from service.app import ROUTES
from tests.deploy.rendering import render
from tests.deploy.schemas import validate

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_OF_OPERATORS = {
    "/livez",
    "/readyz",
    "/v2/health/live",
    "/v2/health/ready",
    "/metrics",
    "/-/reload",
}


def duration_s(text: str) -> float:
    return sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|h|m|s)", text))


def rules(*components: str) -> dict[str, Any]:
    rendered = render("gpu-dra", ("gateway-api", *components))
    return {rule["name"]: rule for rule in rendered.one("HTTPRoute")["spec"]["rules"]}


def rule_of(path: str) -> str | None:
    """Return the name of the rule for a path: the longest match, an exact one first."""
    found = []
    for name, rule in rules().items():
        for match in rule["matches"]:
            value, is_exact = match["path"]["value"], match["path"]["type"] == "Exact"
            if path == value or (not is_exact and path.startswith(f"{value}/")):
                found.append((is_exact, len(value), name))
    return max(found)[2] if found else None


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES}))
def test_every_route_but_those_of_operators_is_reached(path):
    assert (rule_of(path) is None) == (path in _OF_OPERATORS)


def test_photos_are_tried_once_more_and_batches_are_not():
    assert rule_of("/relight/batch") == "batches"
    assert {rule_of(p) for p in ("/relight", "/maps", "/v2/models/x/infer")} == {"photos"}
    assert rules()["photos"]["retry"]["codes"] == [503]
    assert rules()["photos"]["retry"]["attempts"] == 1
    assert "retry" not in rules()["batches"]


def test_the_service_answers_before_the_gateway_gives_up():
    settings = render("gpu-dra").settings
    limit_s = settings.request_timeout_ms / 1e3
    timeouts, retry = rules()["photos"]["timeouts"], rules()["photos"]["retry"]
    assert duration_s(timeouts["backendRequest"]) > limit_s
    num_tries = 1 + retry["attempts"]
    assert duration_s(timeouts["request"]) >= num_tries * duration_s(timeouts["backendRequest"])
    batch_s = duration_s(rules()["batches"]["timeouts"]["request"])
    assert batch_s > limit_s * settings.max_batch_images


def test_photos_travel_over_tls_alone():
    rendered = render("gpu-dra", ("gateway-api",))
    (listener,) = rendered.one("Gateway")["spec"]["listeners"]
    assert (listener["protocol"], listener["tls"]["mode"]) == ("HTTPS", "Terminate")
    route = rendered.one("HTTPRoute")["spec"]
    (parent,) = route["parentRefs"]
    assert parent == {"name": "relight", "sectionName": listener["name"]}
    assert "hostnames" not in route, "it takes the listener's, which is set in one place"


def test_the_gateway_leads_to_the_service_in_the_same_zone():
    rendered = render("gpu-dra", ("gateway-api",))
    service = rendered.one("Service")
    assert service["spec"]["trafficDistribution"] == "PreferSameZone"
    ports = {port["port"] for port in service["spec"]["ports"]}
    for rule in rules().values():
        (backend,) = rule["backendRefs"]
        assert backend["name"] == service["metadata"]["name"]
        assert backend["port"] in ports
    assert "trafficDistribution" not in render("gpu-dra").one("Service")["spec"]


def test_a_session_stays_with_its_pod_and_retries_have_a_budget():
    affinity = rules("session-affinity")
    assert affinity["photos"]["sessionPersistence"]["type"] == "Header"
    assert "sessionPersistence" not in rules()["photos"]
    rendered = render("gpu-dra", ("gateway-api", "session-affinity"))
    policy = rendered.one("XBackendTrafficPolicy")["spec"]
    (target,) = policy["targetRefs"]
    assert (target["kind"], target["name"]) == ("Service", "relight")
    assert policy["retryConstraint"]["budget"]["percent"] == 10


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("HTTPRoute", ("rules", 0, "retry", "code"), [503]),
        ("HTTPRoute", ("rules", 0, "timeouts", "request"), "1d"),
        ("HTTPRoute", ("rules", 0, "backendRefs", 0, "port"), "80"),
        ("Gateway", ("listeners", 0, "tls", "mode"), "terminate"),
        ("XBackendTrafficPolicy", ("retryConstraint", "budget", "percent"), 101),
    ],
)
def test_routes_that_the_gateway_api_would_refuse_are_refused_here(kind, path, value):
    manifest = copy.deepcopy(render("gpu-dra", ("gateway-api", "session-affinity")).one(kind))
    place = manifest["spec"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ValidationError):
        validate(manifest, "1.37")
