"""Parses a multipart form (RFC 7578), and bounds what a form may cost beside its files.

`python-multipart` bounds the headers of a part: eight, of some 4,000 bytes each.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Collection
from typing import Final
from urllib.parse import unquote_to_bytes

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from relight.errors import MissingImage

_MAX_FIELDS: Final = 32
_MAX_TEXT_BYTES: Final = 65_536  # of all text fields: as str, each byte may take four
_EXTENDED_FILENAME: Final = re.compile(
    rb";\s*filename\*\s*=\s*(?P<charset>[\w-]+)'[^']*'(?P<name>[^\s;]+)", re.IGNORECASE
)


class FormParser(MultiPartParser):
    """Knows whether a form is whole, and what a part is that is named as a photo.

    A file without any filename would count as a text field, and be too long for one. Some
    clients send `filename*` alone, which RFC 7578 forbids and other servers accept.

    Args:
        headers: of the request.
        stream: its body.
        max_files: most files that the form may have.
        file_names: names of parts that must be files.
    """

    _is_complete = False
    _num_text_bytes = 0

    def __init__(
        self,
        headers: Headers,
        stream: AsyncGenerator[bytes, None],
        *,
        max_files: int,
        file_names: Collection[str],
    ) -> None:
        super().__init__(
            _with_boundary_alone(headers),
            self._bounded(stream),
            max_files=max_files,
            max_fields=_MAX_FIELDS,
        )
        self._file_names = file_names

    async def parse(self) -> FormData:
        """Return the form.

        Raises:
            MultiPartException: it is malformed, cut off, or has too much of something.
            MissingImage: a part that must be a file has no filename.
        """
        form = await super().parse()
        if not self._is_complete:
            for file in self._files_to_close_on_error:  # the one cut off is not in the form
                file.close()
            raise MultiPartException("it is cut off before its last boundary")
        return form

    async def _bounded(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Give the chunks of a body, and stop where more lines begin as a boundary than may be one.

        The parser reads such a line byte by byte, which takes ten times as long.
        """
        _, options = parse_options_header(self.headers["Content-Type"])
        start = b"\r\n--" + options.get(b"boundary", b"")
        most = self.max_files + self.max_fields + 1
        num_starts, tail = 0, b""
        async for chunk in stream:
            window = tail + chunk
            num_starts += window.count(start)
            if num_starts > most:
                raise MultiPartException(f"more than {most} lines begin as its boundary does")
            tail = window[1 - len(start) :]
            yield chunk

    def on_headers_finished(self) -> None:  # noqa: D102
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        name = options.get(b"name", b"").decode("latin-1")
        if b"filename" not in options and name in self._file_names:
            file_name = _extended_filename(part.content_disposition or b"")
            if file_name is None:
                raise MissingImage(f"the part {name!r} has no filename: give it one, as to a file")
            part.content_disposition = b'form-data; name="%s"; filename="%s"' % (
                name.encode(),
                file_name,
            )
        super().on_headers_finished()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:  # noqa: D102
        if self._current_part.file is None:
            self._num_text_bytes += end - start
            if self._num_text_bytes > _MAX_TEXT_BYTES:
                raise MultiPartException(
                    f"its fields have more than {_MAX_TEXT_BYTES} bytes, with "
                    f"{self._current_part.field_name[:64]!r}; only photos may have more, which are "
                    f"named one of {', '.join(map(repr, self._file_names))}"
                )
        super().on_part_data(data, start, end)

    def on_end(self) -> None:  # noqa: D102
        self._is_complete = True


def _with_boundary_alone(headers: Headers) -> Headers:
    """Return the headers of a form whose text is in UTF-8, as RFC 7578, section 5.1.2, has it.

    A charset of the caller's would choose any codec of Python: one that raises errors of its
    own, one whose time grows with the square of the text, or a new name that Python keeps.
    """
    _, options = parse_options_header(headers.get("content-type"))
    content_type = "multipart/form-data"
    if b"boundary" in options:
        boundary = options[b"boundary"].decode("latin-1")
        quoted = boundary.replace("\\", "\\\\").replace('"', '\\"')
        content_type += f'; boundary="{quoted}"'
    return Headers({"content-type": content_type})


def _extended_filename(content_disposition: bytes) -> bytes | None:
    """Return the name that `filename*` gives (RFC 5987), in UTF-8; None where there is none."""
    found = _EXTENDED_FILENAME.search(content_disposition)
    if found is None:
        return None
    is_utf_8 = found["charset"].lower() == b"utf-8"
    return unquote_to_bytes(found["name"]).translate(None, b'"\\\r\n') if is_utf_8 else b""
