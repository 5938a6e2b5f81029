"""Joins still WebP files into one animation (RFC 9649), without decoding them.

    RIFF "WEBP" VP8X [ICCP] ANIM ANMF(still's picture)... [XMP]

The animation has the colour profile and the XMP packet of the first still.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

_ICC, _ALPHA, _XMP, _ANIMATED = 0x20, 0x10, 0x04, 0x02  # flags of VP8X
_NO_BLENDING: Final = 0x02  # flag of ANMF: a transparent pixel is not drawn over the frame before
_FOREVER: Final = 0
_PICTURE: Final = (b"ALPH", b"VP8 ", b"VP8L")


def animate(stills: Sequence[bytes], frame_ms: int) -> bytes:
    """Return an animation that shows stills one after another, without end.

    Args:
        stills: WebP files, all of one size.
        frame_ms: how long each is shown.

    Raises:
        ValueError: a file is no still WebP, or has another size than the first.
    """
    width_px, height_px = size_of(stills[0])
    first = dict(_chunks(stills[0]))
    flags = _ANIMATED | (_ALPHA if any(map(_has_alpha, stills)) else 0)
    flags |= (_ICC if b"ICCP" in first else 0) | (_XMP if b"XMP " in first else 0)
    size = _uint24(width_px - 1) + _uint24(height_px - 1)
    frames = []
    for still in stills:
        if size_of(still) != (width_px, height_px):
            raise ValueError(f"{size_of(still)} px is not the size of the first frame")
        head = bytes(6) + size + _uint24(frame_ms) + bytes([_NO_BLENDING])
        picture = [_chunk(name, data) for name, data in _chunks(still) if name in _PICTURE]
        frames.append(_chunk(b"ANMF", head + b"".join(picture)))
    parts = [
        _chunk(b"VP8X", struct.pack("<I", flags) + size),
        *(_chunk(name, first[name]) for name in (b"ICCP",) if name in first),
        _chunk(b"ANIM", struct.pack("<IH", 0, _FOREVER)),
        *frames,
        *(_chunk(name, first[name]) for name in (b"XMP ",) if name in first),
    ]
    return _chunk(b"RIFF", b"WEBP" + b"".join(parts))


def size_of(still: bytes) -> tuple[int, int]:
    """Return width and height of a WebP file in pixels.

    Raises:
        ValueError: it is no still WebP.
    """
    chunks = dict(_chunks(still))
    if b"VP8 " in chunks:
        width, height = struct.unpack_from("<HH", chunks[b"VP8 "], 6)
        return width & 0x3FFF, height & 0x3FFF
    if b"VP8L" in chunks:
        (bits,) = struct.unpack_from("<I", chunks[b"VP8L"], 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise ValueError("the file is no still WebP")


def _has_alpha(still: bytes) -> bool:
    chunks = dict(_chunks(still))
    if b"VP8L" in chunks:
        return bool(chunks[b"VP8L"][4] & 0x10)
    return b"ALPH" in chunks


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    if file[:4] != b"RIFF" or file[8:12] != b"WEBP":
        raise ValueError("the file is no WebP")
    at = 12
    while at + 8 <= len(file):
        name, num_bytes = struct.unpack_from("<4sI", file, at)
        yield name, file[at + 8 : at + 8 + num_bytes]
        at += 8 + num_bytes + num_bytes % 2


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _uint24(value: int) -> bytes:
    return value.to_bytes(3, "little")
