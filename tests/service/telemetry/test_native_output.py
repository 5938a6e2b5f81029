from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys

import pytest
from PIL import Image

from tests import http_client as http
from tests.service.pictures import noise, saved
from tests.service.test_main import service

X_RESOLUTION = 282  # TIFF 6.0, section 8


def damaged(data: bytes) -> bytes:
    """Overwrite some of the pixels' bytes."""
    start = len(data) * 2 // 3
    return data[:start] + noise(1, 40, 1).tobytes() + data[start + 40 :]


def without_resolution() -> bytes:
    """Return a TIFF one of whose tags lies beyond the end, of which Pillow warns."""
    data = bytearray(saved(Image.fromarray(noise(96, 96)), "tiff", dpi=(72, 72)))
    entry = data.index(struct.pack("<2HI", X_RESOLUTION, 5, 1))
    struct.pack_into("<I", data, entry + 8, 2**31 - 1)
    return bytes(data)


def run(code: str) -> subprocess.CompletedProcess[str]:
    head = "import ctypes, logging, os, sys\nfrom service.telemetry.native_output import captured\n"
    command = [sys.executable, "-c", head + code]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.timeout(300)
def test_what_decoders_print_about_damaged_files_becomes_log_records(models_dir):
    picture = Image.fromarray(noise(96, 96))
    files = {
        "Corrupt JPEG data": saved(picture, "jpeg"),
        "Using code not yet in table": saved(picture, "tiff", compression="tiff_lzw"),
        "ZIPDecode": saved(picture, "tiff", compression="tiff_adobe_deflate"),
    }
    with service(models_dir, log_level="debug") as (process, url, _):
        for data in files.values():
            assert http.post(f"{url}/relight", content=damaged(data)).status_code < 500
        assert http.post(f"{url}/relight", content=without_resolution()).status_code == 200
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=200)
    lines = [json.loads(line) for line in log.splitlines()]  # every line is JSON
    native = [line for line in lines if line["logger"] == "service.telemetry.native_output"]
    for text in files:
        assert [line for line in native if text in line["message"]]
    assert {line["level"] for line in native} == {"debug"}


def test_a_flood_of_lines_is_bounded_and_blocks_no_library():
    done = run(
        """
with captured():
    logging.basicConfig(level="DEBUG", stream=sys.stderr, format="%(levelname)s %(message)s")
    libc = ctypes.PyDLL(None)  # holds Python's lock, so that the reader cannot run meanwhile
    for _ in range(1000):
        libc.write(2, b"word " * 200 + b"\\n", 1001)
    print("Python's own", file=sys.stderr)
os.write(2, b"afterwards\\n")
"""
    )
    assert done.returncode == 0
    *lines, last = done.stderr.splitlines()
    assert last == "afterwards"
    assert "Python's own" in lines
    assert 0 < sum(line.startswith("DEBUG word") for line in lines) <= 100
    assert max(map(len, lines)) <= 1010


def test_lines_of_the_runtime_keep_their_severity():
    done = run(
        """
with captured():
    logging.basicConfig(level="INFO", stream=sys.stderr, format="%(levelname)s %(message)s")
    os.write(2, b"2026-01-01 [W:onnxruntime:, a.cc:1 Run] slow\\nplain\\n[E:onnxruntime:, b] bad")
"""
    )
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["WARNING", "ERROR"]


def test_a_crash_still_shows_where_it_happened():
    done = run("with captured():\n    os.abort()")
    assert done.returncode == -signal.SIGABRT
    assert "Current thread" in done.stderr
