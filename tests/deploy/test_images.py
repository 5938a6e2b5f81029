"""What goes into the images is pinned, and is what the tests ran with."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.tools import ROOT

DOCKER = ROOT / "docker"
SERVICE = ("cpu", "cuda")
FILES = ("build", "sbom", *SERVICE, "export")
EXTRAS = {"cpu": ("cpu", "tracing"), "cuda": ("gpu", "tracing"), "export": ("cpu", "export")}
every_file = pytest.mark.parametrize("name", FILES)


def pins(name: str) -> dict[str, str]:
    """Return the versions that an image installs, by package."""
    text = (DOCKER / f"requirements-{name}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE))


def wanted(*extras: str) -> set[str]:
    """Return what pyproject.toml asks for directly, under these extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    found = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    for extra in extras:
        for requirement in map(Requirement, optional[extra]):
            if requirement.name == project["name"]:
                found |= wanted(*requirement.extras)
            else:
                found.add(canonicalize_name(requirement.name))
    return found


@every_file
def test_every_package_is_pinned_by_hash_and_names_no_address(name):
    text = (DOCKER / f"requirements-{name}.txt").read_text()
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(name)) > 3
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


@every_file
def test_the_images_install_the_versions_that_the_tests_ran_with(name):
    tested = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    )
    installed = pins(name)
    common = tested.keys() & installed.keys()
    assert {package: installed[package] for package in common} == {
        package: tested[package] for package in common
    }, "make requirements"


@pytest.mark.parametrize(("name", "extras"), EXTRAS.items())
def test_each_image_installs_all_that_its_extras_ask_for(name, extras):
    assert wanted(*extras) <= pins(name).keys(), "make requirements"


@pytest.mark.parametrize("name", SERVICE)
def test_the_service_brings_one_runtime_and_nothing_to_train_or_build_with(name):
    installed = pins(name).keys()
    assert not {"torch", "hatchling", "pip", "pytest", "cyclonedx-bom", "debsbom"} & installed
    assert len({"onnxruntime", "onnxruntime-gpu"} & installed) == 1


def test_the_cuda_image_has_the_libraries_that_its_runtime_asks_for():
    installed = pins("cuda")
    assert installed["nvidia-cudnn-cu13"].startswith("9.")
    for library in ("cublas", "cuda-runtime", "cuda-nvrtc"):
        assert installed[f"nvidia-{library}"].startswith("13.")


@pytest.mark.parametrize("file", ["service.Dockerfile", "export.Dockerfile"])
def test_images_run_unprivileged_from_a_base_that_is_pinned_by_digest(file):
    text = (DOCKER / file).read_text()
    assert "\nUSER 10001:10001\n" in text
    assert "ORT_DISABLE_TELEMETRY=1" in text, "it must send no telemetry"
    assert re.search(r"^ARG DEBIAN=debian:[\d.]+-slim@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    bases = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE))
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE))
    assert bases - stages == {"${DEBIAN}"}
    starts = re.findall(r"^\s*(?:ENTRYPOINT|CMD|HEALTHCHECK .*CMD)\b.*$", text, re.MULTILINE)
    assert starts
    assert all("[" in start for start in starts), "exec form: no shell at run time"


@pytest.mark.parametrize(
    ("file", "image"), [("service", "cpu"), ("service", "cuda"), ("export", "export")]
)
def test_each_image_is_listed_by_its_own_build_and_gains_the_list_alone(file, image):
    text = (DOCKER / f"{file}.Dockerfile").read_text()
    stages = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM |\Z)", text, re.M | re.S))
    assert f"RUN --mount=type=bind,from={image}-image,target=/image " in stages[f"{image}-sbom"]
    assert f"\nFROM {image}-image AS {image}\n" in text
    assert stages[image].strip() == (
        f"COPY --from={image}-sbom /relight.cdx.json /usr/share/sbom/relight.cdx.json"
    )


def test_the_healthcheck_fails_if_no_server_listens():
    command = [sys.executable, "-IS", DOCKER / "healthcheck.py"]
    done = subprocess.run(command, env={"RELIGHT_OPS_PORT": "1"}, check=False)
    assert done.returncode == 1
