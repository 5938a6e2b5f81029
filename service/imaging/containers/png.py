"""PNG (W3C, third edition): a signature, then chunks of length, name, data, checksum."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from relight.errors import ImageCorrupt

_SIGNATURE_BYTES: Final = 8
_HEADER: Final = 16  # where the data of IHDR begin
_DEPTH: Final = 24
_SAMPLES: Final = {0: 1, 2: 3, 4: 2, 6: 4}  # of a pixel, by colour type; section 11.2.1
_BYTES_OF_SAMPLE: Final = 2
_COMPRESSED_BYTES: Final = 2**14
_INFLATED_BYTES: Final = 2**20
_SURPLUS_BYTES: Final = 2**16  # some writers leave a little behind the last row
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

    Raises:
        ImageCorrupt: its pixels inflate to more than its rows need. A decoder would inflate them
            to their end.
    """
    kept, has_key = [data[:_SIGNATURE_BYTES]], False
    for name, start, end in _chunks(data):
        is_key = name == b"tRNS" and not has_key
        has_key |= is_key
        if is_key or name in _NEEDED:
            kept.append(data[start - 8 : end + 4])
    _check_surplus(data)
    return b"".join(kept)


def _check_surplus(data: bytes) -> None:
    """Inflate the pixels up to what their rows need; what is broken is left to the decoder."""
    width_px, height_px, _, colour_type = struct.unpack_from(">IIBB", data, _HEADER)
    row_bytes = width_px * _SAMPLES.get(colour_type, 0) * _BYTES_OF_SAMPLE
    # A filter byte for each row; interlaced pictures have under twice as many, and seven passes.
    left_bytes = height_px * (row_bytes + 2) + 7 + _SURPLUS_BYTES
    inflater = zlib.decompressobj()
    for name, start, end in _chunks(data):
        if name != b"IDAT":
            continue
        # In small pieces: what is not inflated yet is copied after each step.
        for at in range(start, end, _COMPRESSED_BYTES):
            compressed = data[at : min(at + _COMPRESSED_BYTES, end)]
            while compressed and not inflater.eof:
                try:
                    left_bytes -= len(inflater.decompress(compressed, _INFLATED_BYTES))
                except zlib.error:
                    return
                if left_bytes < 0:
                    raise ImageCorrupt("their pixels are more than their rows need")
                compressed = inflater.unconsumed_tail


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
