"""Manifests as `kubectl apply -k` would send them."""

from __future__ import annotations

import base64
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from service.settings import PREFIX, Settings
from service.traffic.keys import digest_of
from tests.deploy.tools import K8S, run

Manifest = dict[str, Any]
KEYS = f"RELIGHT_API_KEYS=editor:{digest_of('secret')}\n"

OVERLAYS = ("cpu", "gpu", "gpu-dra", "mig")
VARIANTS = (  # (overlay, what its user adds)
    *((overlay, ()) for overlay in OVERLAYS),
    ("cpu", ("monitoring", "autoscaling-keda")),
    ("cpu", ("autoscaling-hpa",)),
    ("cpu", ("models-from-image",)),
    ("cpu", ("models-by-download",)),
    ("gpu", ("rollout-in-place",)),
    ("cpu", ("gateway-api",)),
    ("gpu-dra", ("priority-class", "tracing")),
    ("cpu", ("models-by-download", "tracing")),
    ("gpu-dra", ("gateway-api", "session-affinity")),
)


@dataclass(frozen=True)
class Rendered:
    """All manifests of one variant."""

    manifests: Sequence[Manifest]

    def all(self, kind: str) -> Iterator[Manifest]:
        """Yield the manifests of a kind."""
        return (manifest for manifest in self.manifests if manifest["kind"] == kind)

    def one(self, kind: str) -> Manifest:
        """Return the only manifest of a kind."""
        (manifest,) = self.all(kind)
        return manifest

    @property
    def pod(self) -> Manifest:
        """What the Deployment's pods are."""
        return self.one("Deployment")["spec"]["template"]["spec"]

    @property
    def container(self) -> Manifest:
        """The service itself."""
        (container,) = self.pod["containers"]
        return container

    @property
    def settings(self) -> Settings:
        """The service's settings in such a pod, as the service itself reads them."""
        maps = {
            manifest["metadata"]["name"]: manifest["data"] for manifest in self.all("ConfigMap")
        }
        name = self.container["envFrom"][0]["configMapRef"]["name"]
        variables = maps[name] | {
            key: base64.b64decode(value).decode()
            for key, value in (self.keys.get("data") or {}).items()
        }
        return Settings(**{k.removeprefix(PREFIX).lower(): v for k, v in variables.items()})

    @property
    def keys(self) -> Manifest:
        """The Secret that the service's container reads."""
        name = self.container["envFrom"][1]["secretRef"]["name"]
        return next(secret for secret in self.all("Secret") if secret["metadata"]["name"] == name)


@cache
def render(overlay: str, components: tuple[str, ...] = (), keys: str = KEYS) -> Rendered:
    """Render an overlay whose user has added keys, and some lines under `components`."""
    with tempfile.TemporaryDirectory() as folder:
        tree = shutil.copytree(K8S, Path(folder) / "k8s")
        file = tree / "overlays" / overlay / "kustomization.yaml"
        kustomization = yaml.safe_load(file.read_text())
        kustomization.setdefault("components", []).extend(
            f"../../components/{name}" for name in components
        )
        file.write_text(yaml.safe_dump(kustomization))
        (tree / "base" / "keys.env").write_text(keys)
        return Rendered(tuple(yaml.safe_load_all(run("kubectl", "kustomize", file.parent))))
