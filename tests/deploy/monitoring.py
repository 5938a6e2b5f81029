"""What the manifests ask of Prometheus: rules, panels, triggers."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from tests.deploy.tools import K8S

MONITORING = K8S / "components" / "monitoring"
_METRIC = re.compile(r"\b((?:relight|process)_\w+)")


def rules() -> list[dict[str, Any]]:
    """Return every alerting rule."""
    resource = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    return [rule for group in resource["spec"]["groups"] for rule in group["rules"]]


def rule_file(*, with_annotations: bool = True) -> str:
    """Return the rules as Prometheus itself reads them."""
    resource = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    if not with_annotations:
        for group in resource["spec"]["groups"]:
            for rule in group["rules"]:
                del rule["annotations"]
    return yaml.safe_dump(resource["spec"])


def panels() -> dict[str, list[str]]:
    """Return the dashboard's queries by panel, its variables filled in."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    return {
        panel["title"]: [
            target["expr"].replace("$job", "relight").replace("$__rate_interval", "1m")
            for target in panel["targets"]
        ]
        for panel in dashboard["panels"]
    }


def autoscaler_queries() -> list[str]:
    """Return what both autoscalers ask."""
    scaled = yaml.safe_load((K8S / "components/autoscaling-keda/scaledobject.yaml").read_text())
    adapter = yaml.safe_load((K8S / "components/autoscaling-hpa/adapter-rules.yaml").read_text())
    triggers = [trigger["metadata"]["query"] for trigger in scaled["spec"]["triggers"]]
    return triggers + [rule["seriesQuery"] for rule in adapter["rules"]["custom"]]


def metrics_in(expression: str) -> set[str]:
    """Return the names of our metrics in an expression."""
    return set(_METRIC.findall(expression))
