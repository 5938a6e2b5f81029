"""Atomic file replacement: a reader sees the old file or the new one, never a part."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing; it replaces `path` once it is complete and on the disk.

    If the block raises, `path` stays unchanged. What a killed process leaves behind is
    overwritten by the next one that writes `path`.
    """
    # A digest, since the name itself may already have the most bytes that a name can have.
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    unfinished = path.with_name(f".{digest}.part")
    try:
        with unfinished.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
