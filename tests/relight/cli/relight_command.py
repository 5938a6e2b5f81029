"""The installed command, run as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("relight"))


def environment(**variables: object) -> dict[str, str]:
    return os.environ | {"COLUMNS": "120"} | {n: str(value) for n, value in variables.items()}


def run(*arguments: object, **variables: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        check=False,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=50,
    )
