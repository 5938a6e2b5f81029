"""Streams a ZIP archive whose members arrive one by one."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePath
from typing import Final

_EXTENSIONS: Final = {"image/jpeg": "jpg"}
_UNSAFE: Final = re.compile(r"[^\w.-]+")


class ZipStream:
    """Writes an archive in pieces; members are stored, as images are already compressed."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._archive = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_STORED)

    def add(self, name: str, data: bytes) -> bytes:
        """Add a member; return the bytes to send."""
        self._archive.writestr(name, data)
        return self._sink.taken()

    def close(self) -> bytes:
        """Return the archive's directory, its end; empty if called again."""
        self._archive.close()
        return self._sink.taken()


class _Sink(io.RawIOBase):
    """A file that keeps what is written until it is taken.

    Until then it can be changed: so the header of a member gets its size and checksum, and
    readers of the stream need not look for the archive's end.
    """

    def __init__(self) -> None:
        self._num_taken = 0
        self._buffer = io.BytesIO()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._num_taken + self._buffer.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        assert whence == io.SEEK_SET
        return self._num_taken + self._buffer.seek(offset - self._num_taken)

    def write(self, data: object, /) -> int:
        return self._buffer.write(data)  # type: ignore[arg-type]  # any buffer, as RawIOBase has it

    def taken(self) -> bytes:
        taken = self._buffer.getvalue()
        self._num_taken += len(taken)
        self._buffer = io.BytesIO()
        return taken


def member_name(number: int, file_name: str, media_type: str) -> str:
    """Return a safe and unique name such as `0003-garden.jpg`.

    Args:
        number: position of the photo in the request, from 1.
        file_name: as the caller sent it, untrusted.
        media_type: type of the answer.
    """
    stem = _UNSAFE.sub("_", PurePath(file_name.replace("\\", "/")).stem)[:64].strip("._")
    extension = _EXTENSIONS.get(media_type) or media_type.removeprefix("image/")
    return f"{number:04d}-{stem or 'photo'}.{extension}"
