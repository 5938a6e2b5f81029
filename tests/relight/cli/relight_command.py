"""The command `relight`: run in this process, or as a process of its own.

A process takes half a second of CPU time to start, two where it works with the models of this
machine. `tests/relight/test_public_package.py` runs the installed command in both ways.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from relight.cli import main

COMMAND = str(Path(sys.executable).with_name("relight"))


def environment(**variables: object) -> dict[str, str]:
    return os.environ | {"COLUMNS": "120"} | {n: str(value) for n, value in variables.items()}


def run(*arguments: object, **variables: object) -> CompletedProcess[str]:
    """Run the command in this process, with environment variables; return what it printed."""
    command, status = ["relight", *map(str, arguments)], 0
    with (
        mock.patch.dict(os.environ, environment(**variables)),
        mock.patch.object(sys, "argv", command),
        redirect_stdout(io.StringIO()) as stdout,
        redirect_stderr(io.StringIO()) as stderr,
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
    return CompletedProcess(command, status, stdout.getvalue(), stderr.getvalue())
