"""Both autoscalers follow the same two signals, fast up and slowly down."""

from __future__ import annotations

import pytest

from tests.deploy.rendering import render


def test_the_variants_agree_on_signals_and_pace():
    keda = render("cpu", ("autoscaling-keda",)).one("ScaledObject")["spec"]
    hpa = render("cpu", ("autoscaling-hpa",)).one("HorizontalPodAutoscaler")["spec"]
    assert keda["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == hpa["behavior"]
    assert (keda["minReplicaCount"], keda["maxReplicaCount"]) == (
        hpa["minReplicas"],
        hpa["maxReplicas"],
    )
    assert [trigger["metadata"]["threshold"] for trigger in keda["triggers"]] == ["8", "0.9"]
    assert [metric["pods"]["target"]["averageValue"] for metric in hpa["metrics"]] == ["8", "900m"]


def test_it_grows_at_once_and_shrinks_slowly():
    spec = render("gpu").one("ScaledObject")["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 300


def test_a_silent_prometheus_never_shrinks_the_fleet():
    spec = render("gpu").one("ScaledObject")["spec"]
    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
    assert spec["fallback"]["replicas"] >= spec["minReplicaCount"]
    for trigger in spec["triggers"]:
        assert trigger["metadata"]["ignoreNullValues"] == "false"
        assert trigger["metricType"] == "AverageValue", "a fallback needs it"


@pytest.mark.parametrize("overlay", ["gpu", "mig"])
def test_a_pod_is_full_at_its_largest_batch(overlay):
    rendered = render(overlay)
    threshold = rendered.one("ScaledObject")["spec"]["triggers"][0]["metadata"]["threshold"]
    assert int(threshold) == rendered.settings.max_batch_size


@pytest.mark.parametrize("component", ["autoscaling-keda", "autoscaling-hpa"])
def test_the_number_of_pods_is_the_autoscalers_alone(component):
    assert "replicas" not in render("cpu", (component,)).one("Deployment")["spec"]
