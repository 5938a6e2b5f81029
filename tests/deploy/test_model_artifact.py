"""Models as an artifact of ModelPack: skopeo takes what we write, and the digest stays."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tools import ROOT, run

MODELS = ROOT / "service" / "models"
FILES = sorted(MODELS.glob("drn-s.*"))


def write(folder: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "docker" / "model_artifact.py", folder, "drn-s", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def layout(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("artifact") / "layout"
    assert write(folder, *FILES).returncode == 0
    return folder


def blob(layout: Path, descriptor: dict[str, Any]) -> bytes:
    """Return what a descriptor points to, checked against it."""
    algorithm, digest = descriptor["digest"].split(":")
    data = (layout / "blobs" / algorithm / digest).read_bytes()
    assert len(data) == descriptor["size"]
    assert hashlib.new(algorithm, data).hexdigest() == digest
    return data


@pytest.fixture(scope="module")
def manifest(layout) -> dict[str, Any]:
    index = json.loads((layout / "index.json").read_text())
    (descriptor,) = index["manifests"]
    found = json.loads(blob(layout, descriptor))
    assert descriptor["mediaType"] == found["mediaType"]
    return found


def test_each_file_is_a_layer_as_it_is_under_its_name(layout, manifest):
    found = {
        part["annotations"]["org.cncf.model.filepath"]: blob(layout, part)
        for part in manifest["layers"]
    }
    assert all(len(set(part["annotations"].values())) == 1 for part in manifest["layers"])
    assert found == {file.name: file.read_bytes() for file in FILES}


def test_the_media_types_are_those_of_modelpack(manifest):
    prefix = "application/vnd.cncf.model."
    assert manifest["artifactType"] == f"{prefix}manifest.v1+json"
    assert manifest["config"]["mediaType"] == f"{prefix}config.v1+json"
    kinds = {
        part["annotations"]["org.cncf.model.filepath"]: part["mediaType"]
        for part in manifest["layers"]
    }
    assert kinds["drn-s.onnx"] == f"{prefix}weight.v1.raw"
    assert kinds["drn-s.golden.npz"] == f"{prefix}dataset.v1.raw"
    assert kinds["drn-s.md"] == f"{prefix}doc.v1.raw"


def test_the_config_has_all_three_parts_that_modelpack_requires(layout, manifest):
    config = json.loads(blob(layout, manifest["config"]))
    assert config.keys() == {"descriptor", "config", "modelfs"}
    assert config["descriptor"]["name"] == "drn-s"
    # A layer that is not compressed is its own difference.
    digests = [part["digest"] for part in manifest["layers"]]
    assert config["modelfs"] == {"type": "layers", "diffIds": digests}


def test_the_same_files_give_the_same_digest(layout, tmp_path):
    done = write(tmp_path / "again", *reversed(FILES))
    (descriptor,) = json.loads((layout / "index.json").read_text())["manifests"]
    assert done.stdout.strip() == descriptor["digest"]


def test_files_without_a_model_are_refused(tmp_path):
    done = write(tmp_path / "none", MODELS / "drn-s.md")
    assert done.returncode != 0
    assert "no ONNX file" in done.stderr
    assert not (tmp_path / "none").exists()


def test_the_commands_of_the_guide_write_it_and_skopeo_takes_it(layout, tmp_path):
    guide = (ROOT / "docs" / "operations.md").read_text()
    (block,) = re.findall(r"^```sh\n([^`]*model_artifact\.py[^`]*)^```", guide, re.MULTILINE)
    pushed, layer = tmp_path / "registry", "docker://REGISTRY/relight-models:drn-s-modelpack"
    assert layer in block
    script = block.replace(layer, f"dir:{pushed}").replace("/tmp/artifact", f"{tmp_path}/artifact")
    run("skopeo", "--version")
    run("bash", "-ec", script.replace("python3", sys.executable))
    digest = hashlib.sha256((pushed / "manifest.json").read_bytes()).hexdigest()
    (descriptor,) = json.loads((layout / "index.json").read_text())["manifests"]
    assert descriptor["digest"] == f"sha256:{digest}"
