"""Writes TIFF files of any directories, true or not."""

from __future__ import annotations

import struct

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
STRIP, SAMPLES, ROWS, BYTES, NEXT_DIRECTORIES, EXTRA, DNG_VERSION = (
    273,
    277,
    278,
    279,
    330,
    338,
    50706,
)

CFA, LINEAR_RAW = 32803, 34892  # photometric interpretations

Tags = dict[int, tuple[int, ...]]


def tiff(*directories: Tags, order: str = "<", chained: bool = False) -> bytes:
    """Write directories of 32-bit numbers; `NEXT_DIRECTORIES: (1,)` means that with index 1."""
    offsets, offset = [], 8
    for tags in directories:
        offsets.append(offset)
        offset += 2 + 12 * len(tags) + 4 + sum(4 * len(v) for v in tags.values() if len(v) > 1)
    data = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    for index, tags in enumerate(directories):
        entries, more = b"", b""
        end = offsets[index] + 2 + 12 * len(tags) + 4
        for tag, values in sorted(tags.items()):
            if tag == NEXT_DIRECTORIES:
                values = tuple(offsets[i] for i in values)  # noqa: PLW2901
            packed = struct.pack(f"{order}{len(values)}I", *values)
            if len(values) > 1:
                packed, more = struct.pack(f"{order}I", end + len(more)), more + packed
            entries += struct.pack(f"{order}2HI", tag, 4, len(values)) + packed
        follows = offsets[index + 1] if chained and index + 1 < len(offsets) else 0
        data += struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", follows)
        data += more
    return data


def plain(width_px: int = 64, height_px: int = 48, photometric: int = 2, **more: int) -> Tags:
    return {
        WIDTH: (width_px,),
        HEIGHT: (height_px,),
        BITS: (8, 8, 8),
        COMPRESSION: (1,),
        PHOTOMETRIC: (photometric,),
        STRIP: (8,),
        SAMPLES: (3,),
        ROWS: (height_px,),
        BYTES: (width_px * height_px * 3,),
    }
