"""Each peer's own environment: made by the command, kept for the next run."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.peers.catalogue import Peer

ROOT: Final = Path(__file__).parents[2]
THIS_PYTHON: Final = Path(sys.executable)

# Of one version everywhere, so that no server gains by a newer runtime.
_SHARED: Final = ("numpy", "onnxruntime", "opencv-python-headless", "pillow")


class NotInstalled(Exception):
    """A peer's packages cannot be installed; the text is the installer's."""


def python_of(peer: Peer, folder: Path) -> Path:
    """Return the Python that runs a peer, with all that it needs.

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
    if done.exists():
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
    pins = home / "constraints.txt"
    pins.write_text("".join(f"{name}=={version(name)}\n" for name in _SHARED))
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
    done.touch()
    return python


def versions_in(python: Path) -> dict[str, str]:
    """Return the versions of all packages of an environment, by name."""
    code = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions()}))"
    )
    listed = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return dict(json.loads(listed.stdout))
