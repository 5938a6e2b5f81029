"""Recognises the kinds of JPEG (ITU-T T.81) that are not read, by the markers of the image.

`containers.jpeg` checks the lengths of its segments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from relight.errors import ImageCorrupt, UnsupportedMediaType

_MAX_SCANS: Final = 50  # a progressive JPEG has some ten; each goes through all pixels
_MAX_SEGMENTS: Final = 10_000  # profiles and metadata take some hundred; each costs time
_BITS: Final = 8
_NUM_COMPONENTS: Final = frozenset({1, 3, 4})

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
# What ends entropy-coded data: a marker that is neither a stuffed byte nor a restart.
_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

# Table B.1. Baseline, extended and progressive frames, the latter two also with arithmetic
# coding, are read.
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_UNREAD_FRAMES: Final = MappingProxyType(
    {
        0xC3: "lossless",
        **dict.fromkeys((0xC5, 0xC6, 0xC7), "hierarchical"),
        0xCB: "lossless, arithmetic-coded",
        **dict.fromkeys((0xCD, 0xCE, 0xCF), "hierarchical, arithmetic-coded"),
        0xDE: "hierarchical",
        0xF7: "JPEG-LS",
    }
)


def check(data: bytes) -> None:
    """Refuse the kinds of JPEG that are not read, and images with too many scans.

    Only the first image counts: phones put videos and further images behind its end.

    Raises:
        UnsupportedMediaType: the image is lossless or hierarchical, has other samples than
            8-bit ones, or a number of components that is not 1, 3 or 4.
        ImageCorrupt: it has more than 50 scans, or more than 10,000 segments.
    """
    num_scans = 0
    for num_segments, (marker, start) in enumerate(_segments(data), 1):
        if num_segments > _MAX_SEGMENTS:
            raise ImageCorrupt(f"the JPEG has more than {_MAX_SEGMENTS} segments")
        if marker in _UNREAD_FRAMES:
            raise UnsupportedMediaType(
                f"{_UNREAD_FRAMES[marker]} JPEG is not read: send baseline or progressive JPEG"
            )
        if marker in _FRAMES and len(data) > start + 7:
            _check_frame(bits=data[start + 2], num_components=data[start + 7])
        num_scans += marker == _START_OF_SCAN
        if num_scans > _MAX_SCANS:
            raise ImageCorrupt(f"the JPEG has more than {_MAX_SCANS} scans")


def _check_frame(*, bits: int, num_components: int) -> None:
    if bits != _BITS:
        raise UnsupportedMediaType(f"JPEG of {bits} bits a sample is not read, only of {_BITS}")
    if num_components not in _NUM_COMPONENTS:
        raise UnsupportedMediaType(f"JPEG of {num_components} components is not read")


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the markers of the first image, each with the offset behind it, up to its end."""
    offset = 2
    while found := _MARKER.search(data, offset):
        marker, start = data[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            return
        yield marker, start
        offset = start
        if marker not in _STANDALONE:
            offset += int.from_bytes(data[start : start + 2])
