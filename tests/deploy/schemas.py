"""Strict schemas of Kubernetes' own kinds and of the custom resources that we use."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import jsonschema
import kubernetes_validate
from kubernetes_validate.utils import all_versions

from tests.deploy import gateway_api

# The library's order is that of text: 1.9 would come after 1.10.
NEWEST_VERSIONS = sorted(set(all_versions()), key=lambda v: [int(n) for n in v.split(".")])[-3:]
# The modules of their models. They take seconds to import, so only validation does it.
_CUSTOM = {
    ("keda.sh/v1alpha1", "ScaledObject"): "cloudcoil.models.keda.v1alpha1",
    ("monitoring.coreos.com/v1", "PrometheusRule"): "cloudcoil.models.prometheus_operator.v1",
    ("monitoring.coreos.com/v1", "ServiceMonitor"): "cloudcoil.models.prometheus_operator.v1",
}
# Younger than KEDA 2.16, the newest that has models for our Pythons.
_KEDA_FALLBACK_BEHAVIOR = {
    "enum": ["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"]
}


def validate(manifest: dict[str, Any], version: str) -> None:
    """Refuse a manifest with an unknown kind, a field too many, too few, or a wrong one.

    Raises:
        SchemaNotFoundError, ValidationError: what is wrong with it.
    """
    key = manifest["apiVersion"], manifest["kind"]
    if key in gateway_api.KINDS:
        gateway_api.validate(manifest)
    elif key in _CUSTOM:
        jsonschema.validate(manifest, _strict_schema(*key), jsonschema.Draft202012Validator)
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


@cache
def _strict_schema(api_version: str, kind: str) -> dict[str, Any]:
    model = getattr(import_module(_CUSTOM[api_version, kind]), kind)
    schema = model.model_json_schema(by_alias=True)
    _close(schema)
    if kind == "ScaledObject":
        schema["$defs"]["Fallback"]["properties"]["behavior"] = _KEDA_FALLBACK_BEHAVIOR
    return schema


def _close(node: object) -> None:
    """Forbid unknown fields wherever the schema does not speak of them."""
    if isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
        if isinstance(pattern := node.get("pattern"), str):
            node["pattern"] = pattern.replace("^(?i)", "(?i)^")  # Go's way to write it
        for child in node.values():
            _close(child)
    elif isinstance(node, list):
        for child in node:
            _close(child)
