"""Kubernetes would take every manifest as it is, custom resources included."""

from __future__ import annotations

import copy

import jsonschema
import kubernetes_validate
import pytest

from tests.deploy.rendering import VARIANTS, render
from tests.deploy.schemas import NEWEST_VERSIONS, validate


@pytest.mark.parametrize(("overlay", "components"), VARIANTS)
def test_every_manifest_is_valid_for_the_three_newest_versions(overlay, components):
    manifests = render(overlay, components).manifests
    assert len(manifests) >= 7
    for manifest in manifests:
        for version in NEWEST_VERSIONS:
            validate(manifest, version)


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
