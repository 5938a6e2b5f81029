"""ExifTool: a reader of metadata that shares no code with the service."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None,
    reason="exiftool is not installed (Debian: libimage-exiftool-perl)",
)


def read(data: bytes, folder: Path) -> dict[str, Any]:
    """Return what ExifTool finds in a file: `group:tag`, values as they are stored."""
    path = folder / "answer"
    path.write_bytes(data)
    done = subprocess.run(
        ["exiftool", "-json", "-G1", "-n", "-struct", str(path)],
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert b"Warning" not in done.stderr, done.stderr
    return json.loads(done.stdout)[0]
