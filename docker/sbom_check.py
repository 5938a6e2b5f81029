"""Compare the SBOM of an image with what it holds; fails if they differ. Needs Python alone.

docker run --rm -i --entrypoint /opt/relight/bin/python IMAGE - < docker/sbom_check.py
"""

import hashlib
import json
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

SBOM = "/usr/share/sbom/relight.cdx.json"
DEBIAN = [
    "/usr/bin/dpkg-query",
    "--show",
    "--showformat",
    "${db:Status-Status} ${Package} ${Version}\n",
]


def item(kind: str, name: str, version: str) -> str:
    """Return one thing as a word; names of Python's packages are normalised (PEP 503)."""
    return f"{kind}/{re.sub(r'[-_.]+', '-', name).lower() if kind == 'pypi' else name}@{version}"


def listed(sbom: dict) -> set[str]:
    """Return what the SBOM lists: packages by their purl, models by their SHA-256."""
    found = set()
    for part in sbom["components"]:
        if part["type"] == "machine-learning-model":
            found.add(item("model", part["name"], part["hashes"][0]["content"]))
        elif part["type"] == "library":
            purl = part.get("purl", "pkg:pypi/")  # Relight itself comes from no index
            if not purl.endswith("arch=source"):
                kind = purl.removeprefix("pkg:").partition("/")[0]
                found.add(item(kind, part["name"], part["version"]))
    return found


def held(models: Path) -> set[str]:
    """Return what is there, as the package managers and the files say."""
    printed = subprocess.run(DEBIAN, check=True, capture_output=True, text=True).stdout  # noqa: S603
    lines = [line.split() for line in printed.splitlines()]
    found = {item("deb", name, version) for status, name, version in lines if status == "installed"}
    found |= {item("pypi", package.name, package.version) for package in distributions()}
    for file in models.glob("*.onnx"):
        found.add(item("model", file.name, hashlib.sha256(file.read_bytes()).hexdigest()))
    return found


def main(sbom: str = SBOM, models: str = "/models") -> None:
    """Print what differs, and exit with status 1 if anything does."""
    in_sbom, installed = listed(json.loads(Path(sbom).read_text())), held(Path(models))
    for name in sorted(installed - in_sbom):
        print(f"sbom: not listed: {name}")
    for name in sorted(in_sbom - installed):
        print(f"sbom: not there: {name}")
    if in_sbom != installed:
        sys.exit(1)
    print(f"sbom: {len(in_sbom)} packages and models, all listed and all there")


if __name__ == "__main__":
    main(*sys.argv[1:])
