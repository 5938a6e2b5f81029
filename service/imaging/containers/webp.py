"""WebP (RFC 9649): a RIFF container of chunks."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from relight.errors import ImageCorrupt

_HEADER_BYTES: Final = 12
_MAX_CHUNKS: Final = 10_000
_ANIMATION, _ALPHA = 0x02, 0x10  # flags of VP8X, section 2.7.1.2
_FRAME_TAG: Final = b"\x9d\x01\x2a"  # RFC 6386, section 9.1


def walk(data: bytes) -> tuple[int, int]:
    """Return the sides of the canvas, or of a picture that is larger than it.

    As `service.imaging.containers.walk`.
    """
    sizes = [_size(name, data[start : min(end, start + 10)]) for name, start, end in _chunks(data)]
    found = [size for size in sizes if size is not None]
    if not found:
        raise ImageCorrupt("they have no picture")
    return max(width for width, _ in found), max(height for _, height in found)


def agrees(data: bytes, *, has_alpha: bool) -> bool:
    """Return whether a header announces no animation, and alpha where there is some, not else.

    Decoders disagree on the alpha of other files. A simple file has no such header: it agrees.

    Args:
        data: a file that `walk` has passed.
        has_alpha: whether the picture has alpha.
    """
    if data[_HEADER_BYTES : _HEADER_BYTES + 4] != b"VP8X":
        return True
    flags = data[_HEADER_BYTES + 8]
    return not flags & _ANIMATION and bool(flags & _ALPHA) == has_alpha


def has_manifest(data: bytes) -> bool:
    """Return whether there is a chunk of C2PA.

    Args:
        data: a file that `walk` has passed.
    """
    return any(name == b"C2PA" for name, _, _ in _chunks(data))


def _size(name: bytes, chunk: bytes) -> tuple[int, int] | None:
    """Return what a chunk says about the size of the picture; None where it says nothing."""
    try:
        if name == b"VP8X":
            width, width_high, height, height_high = struct.unpack_from("<HBHB", chunk, 4)
            return (width | width_high << 16) + 1, (height | height_high << 16) + 1
        if name == b"VP8 " and chunk[3:6] == _FRAME_TAG:
            width, height = struct.unpack_from("<HH", chunk, 6)
            return width & 0x3FFF, height & 0x3FFF
        if name == b"VP8L":
            (bits,) = struct.unpack_from("<I", chunk, 1)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    except struct.error:
        raise ImageCorrupt("a chunk is too short for its header") from None
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    (num_bytes,) = struct.unpack_from("<I", data, 4)
    if num_bytes + 8 > len(data):
        raise ImageCorrupt(f"they claim {num_bytes} bytes; {len(data) - 8} follow")
    position, stop = _HEADER_BYTES, num_bytes + 8
    for _ in range(_MAX_CHUNKS):
        if position + 8 > stop:
            return
        name, num_bytes = struct.unpack_from("<4sI", data, position)
        start, end = position + 8, position + 8 + num_bytes
        if end > stop:
            raise ImageCorrupt(f"a chunk claims {num_bytes} bytes; {stop - start} follow")
        yield name, start, end
        position = end + num_bytes % 2
    raise ImageCorrupt(f"they have more than {_MAX_CHUNKS} chunks")
