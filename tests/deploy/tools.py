"""The programs that these tests drive; a test whose program is missing says so and is skipped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"


def run(program: str, *arguments: str | Path, cwd: Path = ROOT) -> str:
    """Run a program of the machine; return what it printed."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed on this machine")
    done = subprocess.run([path, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
