"""Write the software bill of materials of an image, as CycloneDX JSON.

    python sbom.py IMAGE_ROOT NAME VERSION > relight.cdx.json

Debian's packages come from debsbom and Python's from cyclonedx-py. The libraries inside of wheels
come from the wheels' own SBOMs (PEP 770), and the models from their files. The build runs this on
the image without starting it; `sbom_check.py` compares the result with what the image has.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

TOOLS = Path(sys.executable).parent
VERSION = SchemaVersion.V1_6


def run(command: list[str | Path], **environment: str) -> str:
    """Run a tool; return what it printed. Its warnings are shown only if it fails."""
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"sbom: {command[0]} failed: {done.stderr}")
    return done.stdout


def read(text: str) -> Bom:
    """Parse an SBOM in CycloneDX JSON."""
    bom: Bom = Bom.from_json(json.loads(text))
    return bom


def debian(root: Path) -> Bom:
    """List Debian's packages, binary and source, from the database of dpkg."""
    with tempfile.TemporaryDirectory() as folder:
        command: list[str | Path] = [
            TOOLS / "debsbom",
            "generate",
            "--sbom-type",
            "cdx",
            "--root",
            root,
        ]
        command += ["--cdx-schema-version", VERSION.to_version(), "--out", f"{folder}/debian"]
        run(command)
        bom = read(Path(folder, "debian.cdx.json").read_text())
    bom.components.add(bom.metadata.component)  # Debian itself, which its packages belong to
    return bom


def python(root: Path) -> Bom:
    """List the packages of the image's environment, and Relight itself."""
    command: list[str | Path] = [TOOLS / "cyclonedx-py", "environment", root / "opt/relight"]
    bom = read(run(command, PYTHONPATH=str(root / "opt/app")))
    for package in bom.components:
        package.components = set(inside(root, package))
    return bom


def inside(root: Path, package: Component) -> Iterator[Component]:
    """Yield what a wheel says that it contains, under references of the package's own."""
    folder = f"{package.name.replace('-', '_')}-{package.version}.dist-info"
    for file in sorted(root.glob(f"opt/relight/lib/python3*/site-packages/{folder}/sboms/*.json")):
        for part in read(file.read_text()).components:
            part.bom_ref.value = f"{package.bom_ref}/{file.name}/{part.bom_ref}"
            yield part


def models(root: Path) -> Iterator[Component]:
    """Yield the image's models, with their SHA-256."""
    for file in sorted(root.glob("models/*.onnx")):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        yield Component(
            name=file.name,
            type=ComponentType.MACHINE_LEARNING_MODEL,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
            bom_ref=f"models/{file.name}",
        )


def bill(root: Path, name: str, version: str) -> Bom:
    """Return one SBOM of all that the image holds."""
    image = Component(name=name, version=version, type=ComponentType.CONTAINER, bom_ref=name)
    parts = [debian(root), python(root)]
    whole = Bom(components=models(root))
    whole.metadata.component = image
    for part in parts:
        whole.components |= part.components
        whole.dependencies |= part.dependencies
        whole.metadata.tools.components |= part.metadata.tools.components
    whole.register_dependency(image, list(whole.components))
    return whole


if __name__ == "__main__":
    written = make_outputter(bill(Path(sys.argv[1]), *sys.argv[2:]), OutputFormat.JSON, VERSION)
    text = written.output_as_string(indent=1)
    if fault := JsonStrictValidator(VERSION).validate_str(text):
        sys.exit(f"sbom: {fault}")
    print(text)
