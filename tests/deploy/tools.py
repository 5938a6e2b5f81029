"""The programs that these tests use; a test without its program is skipped with a message."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"


def run(
    program: str,
    *arguments: str | Path,
    cwd: Path = ROOT,
    stdin: str | None = None,
    may_fail: bool = False,
) -> str:
    """Run a program of the machine; return what it printed."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed on this machine")
    done = subprocess.run(
        [path, *arguments], cwd=cwd, input=stdin, capture_output=True, text=True, check=False
    )
    assert may_fail or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr if may_fail else done.stdout
