"""The comparison of an image's SBOM with the image fails on any difference.

docker/smoke.sh runs it in a real image. Here the image is this machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.deploy.tools import ROOT, run

MODELS = ROOT / "service" / "models"


@pytest.fixture(scope="module")
def sbom() -> dict:
    """An SBOM that lists all that this machine holds."""
    dpkg = "${db:Status-Status} ${Package} ${Version}\n"
    lines = [line.split() for line in run("dpkg-query", "-W", "-f", dpkg).splitlines()]
    parts = [("deb/debian", n, v) for status, n, v in lines if status == "installed"]
    parts += sorted({("pypi", package.name, package.version) for package in distributions()})
    components = [
        {"type": "library", "name": n, "version": v, "purl": f"pkg:{kind}/{n}@{v}"}
        for kind, n, v in parts
    ]
    for model in MODELS.glob("*.onnx"):
        digest = run("sha256sum", model).split()[0]
        components.append(
            {
                "type": "machine-learning-model",
                "name": model.name,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
        )
    # Sources are in no image, and what is inside of a package is not a package.
    source = "pkg:deb/debian/zlib@1?arch=source"
    components.append({"type": "library", "name": "zlib", "version": "1", "purl": source})
    components.append({"type": "operating-system", "name": "Debian"})
    (ours,) = [c for c in components if c["name"] == "relight"]
    del ours["purl"]
    components[0]["components"] = [
        {"type": "library", "name": "zlib", "version": "2", "purl": "pkg:generic/zlib@2"}
    ]
    return {"components": components}


def compare(sbom: dict, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "relight.cdx.json"
    file.write_text(json.dumps(sbom))
    command = [sys.executable, ROOT / "docker" / "sbom_check.py", file, MODELS]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_complete_sbom_passes(sbom, tmp_path):
    done = compare(sbom, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["deb", "pypi", "model"])
@pytest.mark.parametrize("fault", ["left out", "of another version", "not there"])
def test_one_difference_is_named_and_fails(kind, fault, sbom, tmp_path):
    sbom = deepcopy(sbom)
    components = sbom["components"]
    (part, *_) = [
        c
        for c in components
        if c["type"].endswith(kind) or c.get("purl", "").startswith(f"pkg:{kind}/")
    ]
    if fault == "left out":
        components.remove(part)
    elif fault == "of another version" and kind == "model":
        part["hashes"][0]["content"] = "0" * 64
    elif fault == "of another version":
        part["version"] = "0.0.1"
    else:
        components.append(part | {"name": "no-such-thing"})
    done = compare(sbom, tmp_path)
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if line.startswith("sbom: not ")]
    assert len(wrong) == (2 if fault == "of another version" else 1)
