"""PNG (W3C, third edition): a signature, then chunks of length, name, data, checksum."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from relight.errors import ImageCorrupt

_SIGNATURE_BYTES: Final = 8
_DEPTH: Final = 24
_MAX_CHUNKS: Final = 50_000  # 50 MB in the 8 KiB chunks of the usual writers are 6,000
_NEEDED: Final = frozenset({b"IHDR", b"IDAT", b"IEND"})  # where samples have 16 bits


def walk(data: bytes) -> tuple[int, int]:
    """Return width and height; as `service.imaging.containers.walk`."""
    header: tuple[int, int] | None = None
    for name, start, end in _chunks(data):
        if (name == b"IHDR") == (header is not None) or (name == b"IHDR" and end - start != 13):
            raise ImageCorrupt("they must begin with their only header")
        if name == b"IHDR":
            header = struct.unpack_from(">II", data, start)
    if header is None:
        raise ImageCorrupt("they have no header")
    return header


def is_16_bit(data: bytes) -> bool:
    """Return whether the samples have 16 bits.

    Args:
        data: a file that `walk` has passed.
    """
    return data[_DEPTH] == 16


def pixels_only(data: bytes) -> bytes:
    """Return a file of 16-bit samples without the chunks that none of them depends on.

    Its text, profiles, palettes and frames of animations cost a decoder memory, and lines in the
    log, for nothing.

    Args:
        data: a file that `walk` has passed.
    """
    kept, has_key = [data[:_SIGNATURE_BYTES]], False
    for name, start, end in _chunks(data):
        is_key = name == b"tRNS" and not has_key
        has_key |= is_key
        if is_key or name in _NEEDED:
            kept.append(data[start - 8 : end + 4])
    return b"".join(kept)


def has_manifest(data: bytes) -> bool:
    """Return whether there is a chunk of C2PA.

    Args:
        data: a file that `walk` has passed.
    """
    return any(name == b"caBX" for name, _, _ in _chunks(data))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give each chunk's name, and where its data begin and end, up to IEND."""
    position = _SIGNATURE_BYTES
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            return  # the decoder decides whether the picture is complete
        num_bytes, name = struct.unpack_from(">I4s", data, position)
        start, end = position + 8, position + 8 + num_bytes
        if end > len(data):
            raise ImageCorrupt(f"a chunk claims {num_bytes} bytes; {len(data) - start} follow")
        yield name, start, end
        if name == b"IEND":
            return
        position = end + 4
    raise ImageCorrupt(f"they have more than {_MAX_CHUNKS} chunks")
