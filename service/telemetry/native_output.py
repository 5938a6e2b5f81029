"""Makes log records of the lines that libraries in C write to standard error.

libtiff, libjpeg, libpng and ONNX Runtime write plain text to file descriptor 2, which breaks a
reader of JSON lines, and a stranger's file can make libtiff write thousands. Python cannot set the
handlers of libraries that are linked into others.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_STANDARD_ERROR: Final = 2
_MAX_LINES: Final = 100  # in a period
_PERIOD_S: Final = 60.0
_MAX_LINE_BYTES: Final = 1000
_CHUNK_BYTES: Final = 65_536
_SEVERITY: Final = re.compile(rb"\[([WEF]):onnxruntime")
_LEVELS: Final = {b"W": logging.WARNING, b"E": logging.ERROR, b"F": logging.CRITICAL}

_log = logging.getLogger(__name__)


@contextmanager
def captured() -> Iterator[None]:
    """Log what the libraries write, at most 100 lines a minute, until the block ends.

    Records have the level DEBUG: such lines concern a caller's file. Those of ONNX Runtime keep
    their severity. `sys.stderr` still leads to the real standard error, and so do the stacks of all
    threads when the process crashes. Handlers must be made inside the block.
    """
    before, real = sys.stderr, os.dup(_STANDARD_ERROR)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # a library may hold Python's lock, which the reader needs
    os.dup2(writing, _STANDARD_ERROR)
    os.close(writing)
    reader = threading.Thread(target=_log_lines, args=(reading,), name="native", daemon=True)
    with os.fdopen(real, "w", buffering=1, errors="backslashreplace") as stream:
        sys.stderr = stream
        faulthandler.enable(stream)
        reader.start()
        try:
            yield
        finally:
            os.dup2(real, _STANDARD_ERROR)  # closes the pipe's last end to write to
            reader.join()
            faulthandler.disable()
            sys.stderr = before


def _log_lines(reading: int) -> None:
    """Log the lines of a pipe until its other end is closed."""
    rest, num_lines, ends_s = b"", 0, 0.0
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while chunk := pipe.read(_CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _MAX_LINE_BYTES:
                lines, rest = [*lines, rest], b""
            if time.monotonic() >= ends_s:
                if num_lines > _MAX_LINES:
                    _log.debug("%d further lines were left out", num_lines - _MAX_LINES)
                num_lines, ends_s = 0, time.monotonic() + _PERIOD_S
            for line in lines[: max(0, _MAX_LINES - num_lines)]:
                _log_line(line)
            num_lines += len(lines)
    if rest:
        _log_line(rest)


def _log_line(line: bytes) -> None:
    severity = _SEVERITY.search(line)
    level = _LEVELS[severity[1]] if severity else logging.DEBUG
    text = line[:_MAX_LINE_BYTES].decode(errors="backslashreplace").strip()
    if text:
        _log.log(level, "%s", text)
