"""What the manifests promise: little trust, honest probes, an end without a lost request."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from service.__main__ import _GRACE_S
from tests.deploy.rendering import OVERLAYS, VARIANTS, render
from tests.deploy.tools import K8S

every_variant = pytest.mark.parametrize(("overlay", "components"), VARIANTS)
every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@every_variant
def test_pods_have_no_credentials_and_no_privileges(overlay, components):
    pod = render(overlay, components).pod
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for container in pod["containers"] + pod.get("initContainers", []):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
    assert all("hostPath" not in volume for volume in pod.get("volumes", []))


@every_variant
def test_images_are_named_exactly_and_limits_are_set(overlay, components):
    pod = render(overlay, components).pod
    for container in pod["containers"] + pod.get("initContainers", []):
        _, _, tag = container["image"].partition(":")
        assert tag not in ("", "latest")
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()


@every_overlay
def test_the_three_probes_ask_three_questions_on_the_second_port(overlay):
    container = render(overlay).container
    startup, ready, live = (
        container[f"{name}Probe"] for name in ("startup", "readiness", "liveness")
    )
    assert {probe["httpGet"]["port"] for probe in (startup, ready, live)} == {"ops"}
    assert live["httpGet"]["path"] == "/livez"
    assert startup["httpGet"]["path"] == ready["httpGet"]["path"] == "/readyz"
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 300, "time to load and warm"
    assert ready["periodSeconds"] * ready["failureThreshold"] <= 5, "leaves the load balancer soon"
    assert live["periodSeconds"] * live["failureThreshold"] >= 30, "a hiccup is no death"
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 8000, "ops": 9000}


@every_overlay
def test_the_grace_period_outlasts_drain_and_the_longest_request(overlay):
    rendered = render(overlay)
    sleep_s = rendered.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    settings = rendered.settings
    longest_s = sleep_s + settings.drain_s + settings.request_timeout_ms / 1e3 + _GRACE_S
    assert rendered.pod["terminationGracePeriodSeconds"] >= longest_s
    ready = rendered.container["readinessProbe"]
    assert settings.drain_s > ready["periodSeconds"] * ready["failureThreshold"]


@every_overlay
def test_the_settings_are_ones_that_the_service_knows_and_fit_the_limits(overlay):
    rendered = render(overlay)
    settings, limits = rendered.settings, rendered.container["resources"]["limits"]
    assert limits["cpu"].isdigit(), "threads are counted by whole CPUs"
    assert limits == rendered.container["resources"]["requests"], "Guaranteed"
    memory = int(limits["memory"].removesuffix("Gi")) * 2**30
    assert settings.inflight_bytes + settings.cache_bytes <= memory / 2
    # Kubernetes' own RELIGHT_SERVICE_HOST would be an unknown setting.
    assert rendered.pod["enableServiceLinks"] is False


@every_variant
def test_only_cluster_wide_kinds_lie_outside_of_the_namespace(overlay, components):
    for manifest in render(overlay, components).manifests:
        if manifest["kind"] not in {"Namespace", "PriorityClass"}:
            assert manifest["metadata"]["namespace"] == "relight"


@every_overlay
def test_a_drained_node_takes_one_pod_at_a_time(overlay):
    rendered = render(overlay)
    budget = rendered.one("PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    labels = rendered.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    for selector in (
        budget["selector"]["matchLabels"],
        rendered.one("Service")["spec"]["selector"],
        rendered.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()


def test_callers_reach_the_photos_and_prometheus_the_metrics():
    rules = render("cpu").one("NetworkPolicy")["spec"]["ingress"]
    sources = {rule["ports"][0]["port"]: rule["from"][0]["namespaceSelector"] for rule in rules}
    assert sources == {
        "http": {"matchLabels": {"relight-client": "true"}},
        "ops": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
    }


@pytest.mark.parametrize(
    ("overlay", "resource"), [("gpu", "nvidia.com/gpu"), ("mig", "nvidia.com/mig-1g.10gb")]
)
def test_a_gpu_pod_asks_for_one_device_and_never_starts_without(overlay, resource):
    rendered = render(overlay)
    limits = rendered.container["resources"]["limits"]
    assert {name: n for name, n in limits.items() if "nvidia" in name} == {resource: "1"}
    assert rendered.settings.require_gpu
    assert rendered.container["image"].endswith("-cuda")
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in rendered.pod[
        "tolerations"
    ]
    assert rendered.pod["nodeSelector"]
    keys = {spread["topologyKey"] for spread in rendered.pod["topologySpreadConstraints"]}
    assert keys == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}


def test_a_pod_claims_one_whole_gpu_and_no_device_plugin_is_needed():
    rendered = render("gpu-dra")
    assert rendered.settings.require_gpu
    resources = rendered.container["resources"]
    assert not any("nvidia" in name for name in resources["limits"])
    (claim,) = rendered.pod["resourceClaims"]
    assert resources["claims"] == [{"name": claim["name"]}]
    templates = {t["metadata"]["name"]: t for t in rendered.all("ResourceClaimTemplate")}
    (request,) = templates[claim["resourceClaimTemplateName"]]["spec"]["spec"]["devices"][
        "requests"
    ]
    assert (request["exactly"]["deviceClassName"], request["exactly"]["count"]) == (
        "gpu.nvidia.com",
        1,
    )
    assert "nodeSelector" not in rendered.pod
    (partition,) = templates.keys() - {claim["resourceClaimTemplateName"]}
    (request,) = templates[partition]["spec"]["spec"]["devices"]["requests"]
    assert request["exactly"]["deviceClassName"] == "mig.nvidia.com"


def test_a_rollout_needs_a_spare_gpu_or_a_pod_less():
    def strategy(*components: str) -> dict[str, int]:
        return render("gpu", components).one("Deployment")["spec"]["strategy"]["rollingUpdate"]

    assert strategy() == {"maxSurge": 1, "maxUnavailable": 0}
    assert strategy("rollout-in-place") == {"maxSurge": 0, "maxUnavailable": 1}


@pytest.mark.parametrize("component", ["models-from-image", "models-by-download"])
def test_delivered_models_take_the_place_of_the_baked_in_ones(component):
    rendered = render("cpu", (component,))
    (mount,) = rendered.container["volumeMounts"]
    assert mount == {"name": "models", "mountPath": "/models", "readOnly": True}


def egress(*components: str) -> list[dict]:
    return render("cpu", components).one("NetworkPolicy")["spec"]["egress"]


@every_overlay
def test_nothing_may_call_out(overlay):
    assert render(overlay).one("NetworkPolicy")["spec"]["egress"] == []


def test_a_download_may_call_out():
    (rule,) = egress("models-by-download")
    assert {port["port"] for port in rule["ports"]} == {53, 443}


def test_tracing_opens_the_way_to_the_collector_alone():
    collector, names = render("gpu-dra", ("priority-class", "tracing")).one("NetworkPolicy")[
        "spec"
    ]["egress"]
    (peer,) = collector["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}
    assert collector["ports"] == [{"port": 4318, "protocol": "TCP"}]
    assert names["to"][0]["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}
    assert {port["port"] for port in names["ports"]} == {53}
    download, *tracing = egress("models-by-download", "tracing")
    assert tracing == [collector, names]
    assert egress("models-by-download") == [download]


def test_tracing_is_on_and_names_a_collector_in_that_namespace():
    rendered = render("gpu-dra", ("priority-class", "tracing"))
    variables = {entry["name"]: entry["value"] for entry in rendered.container["env"]}
    assert variables["RELIGHT_TRACING"] == "1"
    address = urlsplit(variables["OTEL_EXPORTER_OTLP_ENDPOINT"])
    assert address.port == 4318
    assert str(address.hostname).split(".")[1] == "monitoring"
    assert not render("gpu-dra").settings.tracing


def test_pods_have_the_priority_of_their_class():
    rendered = render("gpu-dra", ("priority-class", "tracing"))
    priority = rendered.one("PriorityClass")
    assert rendered.pod["priorityClassName"] == priority["metadata"]["name"]
    assert 0 < priority["value"] < 10**9, "the cluster's own pods go first"
    assert priority["globalDefault"] is False


@every_overlay
def test_without_keys_a_pod_does_not_start_and_changed_ones_roll_the_pods(overlay):
    rendered = render(overlay)
    assert rendered.settings.require_keys
    assert not rendered.container["envFrom"][1]["secretRef"].get("optional")
    other = render(overlay, (), f"RELIGHT_API_KEYS=editor:{'0' * 64}\n")
    assert other.keys["metadata"]["name"] != rendered.keys["metadata"]["name"]
    with pytest.raises(ValidationError, match="RELIGHT_API_KEYS holds no key"):
        _ = render(overlay, (), (K8S / "base" / "keys.env").read_text()).settings


@every_overlay
def test_a_resize_restarts_where_the_service_cannot_follow(overlay):
    container = render(overlay).container
    policy = {p["resourceName"]: p["restartPolicy"] for p in container["resizePolicy"]}
    on_cpu = "RestartContainer" if overlay == "cpu" else "NotRequired"
    assert policy == {"cpu": on_cpu, "memory": "RestartContainer"}
