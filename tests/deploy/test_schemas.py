"""Kubernetes would take every manifest as it is, custom resources included."""

from __future__ import annotations

import copy
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.deploy.rendering import VARIANTS, render
from tests.deploy.schemas import NEWEST_VERSIONS, validate
from tests.deploy.tools import K8S, ROOT


@pytest.mark.parametrize(("overlay", "components"), VARIANTS)
def test_every_manifest_is_valid_for_the_three_newest_versions(overlay, components):
    manifests = render(overlay, components).manifests
    assert len(manifests) >= 7
    for manifest in manifests:
        for version in NEWEST_VERSIONS:
            validate(manifest, version)


def test_every_overlay_and_every_component_is_among_those_validated():
    overlays = {folder.name for folder in (K8S / "overlays").iterdir()}
    assert {overlay for overlay, _ in VARIANTS} == overlays
    used = {component for _, components in VARIANTS for component in components}
    for overlay in overlays:
        read = yaml.safe_load((K8S / "overlays" / overlay / "kustomization.yaml").read_text())
        used |= {Path(component).name for component in read.get("components", [])}
    assert used == {folder.name for folder in (K8S / "components").iterdir()}


def test_the_guide_names_the_versions_that_were_validated():
    *first, last = (version.removesuffix(".0") for version in NEWEST_VERSIONS)
    guide = (ROOT / "docs" / "operations.md").read_text()
    assert f"strictly for Kubernetes {', '.join(first)} and {last}" in guide


@pytest.mark.parametrize("kind", ["Deployment", "Service", "ScaledObject", "PrometheusRule"])
def test_a_field_that_no_schema_knows_is_refused(kind):
    manifest = copy.deepcopy(render("gpu").one(kind))
    manifest["spec"]["replicaz"] = 1
    with pytest.raises((kubernetes_validate.ValidationError, jsonschema.ValidationError)):
        validate(manifest, NEWEST_VERSIONS[-1])


def test_a_typo_deep_inside_a_custom_resource_is_refused():
    manifest = copy.deepcopy(render("gpu").one("ScaledObject"))
    behavior = manifest["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    behavior["scaleUp"]["stabilisationWindowSeconds"] = 0
    with pytest.raises(jsonschema.ValidationError):
        validate(manifest, NEWEST_VERSIONS[-1])


def test_a_kind_without_a_schema_is_refused():
    manifest = {"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler"}
    with pytest.raises(kubernetes_validate.SchemaNotFoundError):
        validate(manifest, NEWEST_VERSIONS[-1])
