"""The example for KServe: a container as the overlays have it, asked as the protocol says.

KServe's own fields were compared with the models of its SDK; there is no schema of them here.
"""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml

from service.app import create_app
from service.settings import PREFIX, Settings
from tests.deploy.rendering import KEYS, render
from tests.deploy.schemas import NEWEST_VERSIONS
from tests.deploy.tools import K8S, run

_OF_KSERVE = {"modelFormat", "runtime", "protocolVersion", "storageUri"}


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    rendered = run("kubectl", "kustomize", K8S / "examples" / "kserve")
    return {manifest["kind"]: manifest for manifest in yaml.safe_load_all(rendered)}


@pytest.fixture(scope="module")
def container(manifests) -> dict[str, Any]:
    (container,) = manifests["ServingRuntime"]["spec"]["containers"]
    return container


@pytest.mark.parametrize("version", NEWEST_VERSIONS)
def test_the_container_is_one_that_kubernetes_takes(manifests, container, version):
    predictor = manifests["InferenceService"]["spec"]["predictor"]
    of_pods = {"enableServiceLinks", "automountServiceAccountToken"}
    of_pods |= {"terminationGracePeriodSeconds"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "relight"},
        "spec": {"containers": [container], **{name: predictor[name] for name in of_pods}},
    }
    kubernetes_validate.validate(pod, version, strict=True)
    known = of_pods | {"minReplicas", "maxReplicas", "timeout", "model"}
    assert set(predictor) == known
    assert set(predictor["model"]) <= _OF_KSERVE


def test_the_service_asks_for_the_runtime_by_its_format_and_protocol(manifests):
    runtime = manifests["ServingRuntime"]
    model = manifests["InferenceService"]["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    formats = {known["name"] for known in runtime["spec"]["supportedModelFormats"]}
    assert model["modelFormat"]["name"] in formats


def test_the_container_is_as_confined_and_as_large_as_the_overlays(container):
    rendered = render("gpu")
    assert rendered.container["securityContext"].items() <= container["securityContext"].items()
    assert container["securityContext"]["runAsNonRoot"] is True
    assert container["resources"] == rendered.container["resources"]
    assert container["image"] == rendered.container["image"]


def test_the_settings_are_those_of_the_overlay(manifests, container):
    given = {entry["name"]: entry["value"] for entry in container["env"]}
    keys = KEYS.strip().split("=", 1)
    settings = Settings(
        **{name.removeprefix(PREFIX).lower(): v for name, v in (*given.items(), keys)}
    )
    # The image for GPUs refuses to start without one by itself.
    assert settings.model_dump() | {"require_gpu": True} == render("gpu").settings.model_dump()
    predictor = manifests["InferenceService"]["spec"]["predictor"]
    assert predictor["timeout"] > settings.request_timeout_ms / 1e3  # the service answers first


def test_the_probes_are_routes_of_the_protocol(container):
    paths = set(create_app(Settings()).openapi()["paths"])
    for name in ("startup", "readiness", "liveness"):
        probe = container[f"{name}Probe"]["httpGet"]
        assert probe["path"] in paths
        assert probe["port"] == container["ports"][0]["containerPort"]
