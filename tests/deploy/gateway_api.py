"""The fields of the Gateway API that our manifests use, closed: any other is refused.

No package for Python has the CRDs. Names, types and bounds are those of Gateway API 1.7: Gateway
and HTTPRoute of v1, and of the experimental channel sessionPersistence and XBackendTrafficPolicy.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Duration = Annotated[str, Field(pattern=r"^([0-9]{1,5}(h|m|s|ms)){1,4}$")]
Name = Annotated[str, Field(min_length=1, max_length=253)]
SectionName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=253)]
Hostname = Annotated[str, Field(pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Closed(BaseModel):
    """An object without further fields, whose types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(Closed):
    name: Name
    namespace: Name
    labels: dict[str, str] = {}


class Secret(Closed):
    name: Name


class ListenerTls(Closed):
    mode: Literal["Terminate"]
    certificateRefs: list[Secret] = Field(min_length=1, max_length=64)


class RouteNamespaces(Closed):
    from_: Literal["All", "Same", "Selector"] = Field(alias="from")


class AllowedRoutes(Closed):
    namespaces: RouteNamespaces


class Listener(Closed):
    name: SectionName
    hostname: Hostname
    port: Port
    protocol: Literal["HTTP", "HTTPS"]
    tls: ListenerTls
    allowedRoutes: AllowedRoutes


class GatewaySpec(Closed):
    gatewayClassName: Name
    listeners: list[Listener] = Field(min_length=1, max_length=64)


class Gateway(Closed):
    apiVersion: Literal["gateway.networking.k8s.io/v1"]
    kind: Literal["Gateway"]
    metadata: Metadata
    spec: GatewaySpec


class Parent(Closed):
    name: Name
    sectionName: SectionName


class PathMatch(Closed):
    type: Literal["Exact", "PathPrefix", "RegularExpression"]
    value: str = Field(pattern=r"^/", max_length=1024)


class Match(Closed):
    path: PathMatch


class Backend(Closed):
    name: Name
    port: Port


class Timeouts(Closed):
    request: Duration
    backendRequest: Duration | None = None


class Retry(Closed):
    codes: list[Annotated[int, Field(ge=400, le=599)]]
    attempts: int
    backoff: Duration


class SessionPersistence(Closed):
    sessionName: str = Field(max_length=128)
    type: Literal["Cookie", "Header"]
    idleTimeout: Duration


class Rule(Closed):
    name: SectionName
    matches: list[Match] = Field(max_length=64)
    backendRefs: list[Backend] = Field(max_length=16)
    timeouts: Timeouts
    retry: Retry | None = None
    sessionPersistence: SessionPersistence | None = None


class HttpRouteSpec(Closed):
    parentRefs: list[Parent] = Field(max_length=32)
    hostnames: list[Hostname] = Field([], max_length=16)
    rules: list[Rule] = Field(min_length=1, max_length=16)


class HttpRoute(Closed):
    apiVersion: Literal["gateway.networking.k8s.io/v1"]
    kind: Literal["HTTPRoute"]
    metadata: Metadata
    spec: HttpRouteSpec


class Target(Closed):
    group: str = Field(max_length=253)
    kind: str = Field(min_length=1, max_length=63)
    name: Name


class Budget(Closed):
    percent: int = Field(ge=0, le=100)
    interval: Duration


class RequestRate(Closed):
    count: int = Field(ge=1, le=1_000_000)
    interval: Duration


class RetryConstraint(Closed):
    budget: Budget
    minRetryRate: RequestRate


class TrafficPolicySpec(Closed):
    targetRefs: list[Target] = Field(min_length=1, max_length=16)
    retryConstraint: RetryConstraint


class BackendTrafficPolicy(Closed):
    apiVersion: Literal["gateway.networking.x-k8s.io/v1alpha1"]
    kind: Literal["XBackendTrafficPolicy"]
    metadata: Metadata
    spec: TrafficPolicySpec


KINDS: dict[tuple[str, str], type[BaseModel]] = {
    ("gateway.networking.k8s.io/v1", "Gateway"): Gateway,
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): HttpRoute,
    ("gateway.networking.x-k8s.io/v1alpha1", "XBackendTrafficPolicy"): BackendTrafficPolicy,
}


def validate(manifest: dict[str, Any]) -> None:
    """Refuse a manifest with a field that is unknown or wrong.

    Raises:
        ValidationError: pydantic's, with the place.
    """
    KINDS[manifest["apiVersion"], manifest["kind"]].model_validate(manifest)
