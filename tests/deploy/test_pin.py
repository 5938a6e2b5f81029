"""Images of others get their digests from a registry, and a release without them is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from bench.harness import free_port
from tests import http_client as http
from tests.deploy.tools import ROOT, run

COMPOSE = "docker-compose.yml"
OTHERS = {"prometheus", "grafana"}


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of the files that the script reads, without digests."""
    (tmp_path / "docker").mkdir()
    shutil.copy(ROOT / "docker" / "pin.sh", tmp_path / "docker")
    lines = (ROOT / COMPOSE).read_text().splitlines()
    text = "\n".join(line.partition("@sha256")[0] for line in lines)
    (tmp_path / COMPOSE).write_text(text + "\n")
    return tmp_path


def images(checkout: Path) -> dict[str, str]:
    services = yaml.safe_load((checkout / COMPOSE).read_text())["services"]
    return {name: service["image"] for name, service in services.items()}


def pin(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/bash", checkout / "docker" / "pin.sh", *arguments]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(checkout)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def use_instead_of_docker_hub(checkout: Path, address: str) -> None:
    file = checkout / ".config" / "containers" / "registries.conf"
    file.parent.mkdir(parents=True)
    file.write_text(
        f'[[registry]]\nprefix = "docker.io"\nlocation = "{address}"\ninsecure = true\n'
    )


def answers(url: str) -> bool:
    try:
        return http.get(url).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def registry(checkout, tmp_path) -> Iterator[dict[str, str]]:
    """The digests of what a registry on this machine holds, which answers for Docker Hub."""
    program = shutil.which("docker-registry")
    if program is None or shutil.which("skopeo") is None:
        pytest.skip("docker-registry and skopeo are not both installed on this machine")
    address = f"127.0.0.1:{free_port()}"
    served = {"storage": {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}}
    served |= {"version": "0.1", "http": {"addr": address}}
    served |= {"log": {"level": "error", "accesslog": {"disabled": True}}}
    (tmp_path / "registry.yml").write_text(yaml.safe_dump(served))
    use_instead_of_docker_hub(checkout, address)
    process = subprocess.Popen([program, "serve", tmp_path / "registry.yml"])
    try:
        while not answers(f"http://{address}/v2/"):
            assert process.poll() is None
            time.sleep(0.1)
        digests = {}
        for name in OTHERS:
            layout = tmp_path / name
            artifact = [sys.executable, ROOT / "docker/model_artifact.py", layout, name]
            files = [*ROOT.glob("service/models/*.light.onnx"), tmp_path / "registry.yml"]
            digests[name] = run(artifact[0], *artifact[1:], *files).strip()
            image = images(checkout)[name].removeprefix("docker.io/")
            run(
                *("skopeo", "copy", "--preserve-digests", "--dest-tls-verify=false"),
                *(f"oci:{layout}:{name}", f"docker://{address}/{image}"),
            )
        yield digests
    finally:
        process.terminate()
        process.wait()


def test_the_digests_come_from_the_registry(checkout, registry):
    before = images(checkout)
    done = pin(checkout)
    assert done.returncode == 0, done.stderr
    after = images(checkout)
    assert {name: after[name] for name in OTHERS} == {
        name: f"{before[name]}@{registry[name]}" for name in OTHERS
    }
    assert {name: after[name] for name in after.keys() - OTHERS} == {
        name: before[name] for name in before.keys() - OTHERS
    }
    assert pin(checkout, "--check").returncode == 0
    # A second time it takes what the tags have by then.
    assert pin(checkout).returncode == 0
    assert images(checkout) == after


def test_a_release_without_a_digest_is_refused_and_each_image_named(checkout):
    done = pin(checkout, "--check")
    assert done.returncode == 1
    for name in OTHERS:
        assert images(checkout)[name] in done.stdout


def test_a_registry_that_does_not_answer_changes_nothing(checkout):
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed on this machine")
    before = (checkout / COMPOSE).read_text()
    use_instead_of_docker_hub(checkout, f"127.0.0.1:{free_port()}")
    assert pin(checkout).returncode != 0
    assert (checkout / COMPOSE).read_text() == before


def test_releases_are_checked():
    assert "docker/pin.sh --check" in (ROOT / ".ci" / "run").read_text()
    assert "docker/pin.sh" in (ROOT / "docs" / "releasing.md").read_text()
