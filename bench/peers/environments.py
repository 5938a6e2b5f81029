"""Each peer's own environment: made by the command, kept for the next run."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.peers.catalogue import Peer

ROOT: Final = Path(__file__).parents[2]
THIS_PYTHON: Final = Path(sys.executable)

# Of one version everywhere, so that no server gains by a newer runtime.
_SHARED: Final = ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "simplejpeg")


class NotInstalled(Exception):
    """A peer's packages cannot be installed; the text is the installer's."""


def python_of(peer: Peer, folder: Path) -> Path:
    """Return the Python that runs a peer, with all that it needs today.

    Args:
        peer: the peer.
        folder: where the environments are.

    Raises:
        NotInstalled: its packages cannot be installed beside Relight's.
    """
    if peer.requirements is None:
        return THIS_PYTHON
    home = folder / peer.name.lower().replace(" ", "-")
    python, done = home / "bin" / "python", home / "installed"
    pinned = "".join(f"{name}=={version(name)}\n" for name in _SHARED)
    needs = "\n".join([pinned, *peer.requirements, *_requirements()])
    if done.exists() and done.read_text() == needs:
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
    pins = home / "constraints.txt"
    pins.write_text(pinned)
    command: list[str | Path] = [
        python,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
    ]
    command += ["--constraint", pins, "--editable", f"{ROOT}[cpu]", *peer.requirements]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode:
        raise NotInstalled(" ".join(installed.stderr.split())[:500])
    done.write_text(needs)
    return python


def _requirements() -> list[str]:
    """Return what Relight needs to serve on a CPU, as its project file says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["cpu"]]


def versions_in(python: Path) -> dict[str, str]:
    """Return the versions of all packages of an environment, by name."""
    code = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions()}))"
    )
    listed = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return dict(json.loads(listed.stdout))
