"""JPEG (ITU-T T.81, annex B): marker segments up to the first scan."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from relight.errors import ImageCorrupt

_MARKER: Final = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
_START_OF_IMAGE: Final = 0xD8
_START_OF_SCAN: Final = 0xDA
_JUMBF_SEGMENT: Final = 0xEB  # APP11, ISO 19566-5 annex D
_EXIF: Final = (0xE1, b"Exif\0\0")
_WITHOUT_LENGTH: Final = frozenset({0x01, _START_OF_IMAGE, *range(0xD0, 0xD8)})
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xDE}
# Depth maps and gain maps in extended XMP take some hundred segments of 64 KiB.
_MAX_SEGMENTS: Final = 2_000
_MAX_BYTES_BETWEEN: Final = 65_536  # readers skip them one by one
_MAX_EXIF_SEGMENTS: Final = 16  # Pillow joins them, each time copying all before


def walk(data: bytes) -> tuple[int, int]:
    """Return width and height; as `service.imaging.containers.walk`."""
    frames: list[tuple[int, int]] = []
    num_exif = 0
    for marker, start, end in _segments(data):
        if marker in _FRAMES:
            if end - start < 6:
                raise ImageCorrupt("a frame header is too short")
            height_px, width_px = struct.unpack_from(">HH", data, start + 1)
            frames.append((width_px, height_px))
        num_exif += (marker, data[start : start + 6]) == _EXIF
    if len(frames) != 1:
        raise ImageCorrupt("there must be one frame header before the first scan")
    if num_exif > _MAX_EXIF_SEGMENTS:
        raise ImageCorrupt(f"they have more than {_MAX_EXIF_SEGMENTS} EXIF segments")
    return frames[0]


def num_buffered_components(data: bytes) -> int:
    """Return how many components the decoder must keep whole, as coefficients.

    All of them where the picture comes in several scans, none where one has everything.

    Args:
        data: a file that `walk` has passed.
    """
    num_components, is_progressive = 0, False
    for marker, start, end in _segments(data):
        if marker in _FRAMES and end - start > 5:
            num_components, is_progressive = data[start + 5], marker in _PROGRESSIVE
        elif marker == _START_OF_SCAN and end > start:
            is_buffered = is_progressive or data[start] < num_components
            return num_components if is_buffered else 0
    return num_components


def has_manifest(data: bytes) -> bool:
    """Return whether one of the segments for JUMBF boxes holds C2PA's.

    Args:
        data: a file that `walk` has passed.
    """
    return any(
        marker == _JUMBF_SEGMENT
        and data[start : start + 2] == b"JP"
        and data[start + 12 : start + 16] == b"jumb"
        and data[start + 24 : start + 28] == b"c2pa"
        for marker, start, _ in _segments(data)
    )


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give each segment's marker, and where its data begin and end, up to the first scan."""
    position, num_between = 2, 0
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if found is None or found.end() + 2 > len(data):
            raise ImageCorrupt("they end before the first scan")
        num_between += found.start() - position
        if num_between > _MAX_BYTES_BETWEEN:
            raise ImageCorrupt("there are too many bytes between their segments")
        marker = found[0][1]
        position = found.end()
        if marker in _WITHOUT_LENGTH:
            continue
        (num_bytes,) = struct.unpack_from(">H", data, position)
        start, end = position + 2, position + num_bytes
        if num_bytes < 2 or end > len(data):
            raise ImageCorrupt("a segment claims more bytes than follow")
        yield marker, start, end
        if marker == _START_OF_SCAN:
            return
        position = end
    raise ImageCorrupt(f"they have more than {_MAX_SEGMENTS} segments")
