"""Opens images so that they can be sent, and sent again."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import anyio
import httpx

Image = str | Path | bytes | BinaryIO  # a path, a file's bytes, or an open file

_PIECE_BYTES: Final = 2**18


class ImageFile:
    """An image that can be sent again: a path is reopened, a file is rewound."""

    def __init__(self, image: Image) -> None:
        if not isinstance(image, str | Path | bytes) and not image.seekable():
            image = image.read()  # a pipe can be read only once
        self._image = image
        self._start = 0 if isinstance(image, str | Path | bytes) else image.tell()
        self.name = Path(image).name if isinstance(image, str | Path) else "photo"

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Yield the image as a file, positioned at its start."""
        if isinstance(self._image, bytes):
            yield io.BytesIO(self._image)
        elif isinstance(self._image, str | Path):
            with Path(self._image).open("rb") as file:
                yield file
        else:
            self._image.seek(self._start)
            yield self._image


class RequestBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A file that is read in chunks while it is sent."""

    def __init__(self, file: BinaryIO, check: Callable[[], None]) -> None:
        self._file, self._check = file, check

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(_PIECE_BYTES):
            self._check()
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await anyio.to_thread.run_sync(self._file.read, _PIECE_BYTES):
            yield piece
