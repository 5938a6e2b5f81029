"""TIFF (revision 6.0): a header, then directories of tags, whose values may lie anywhere."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from relight.errors import ImageAnimated, ImageCorrupt, ImageTooLarge

_WIDTH, _HEIGHT, _ROWS_PER_STRIP = 256, 257, 278
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_EXIF, _GPS = 34665, 34853
_C2PA: Final = 52545
# Where the pixels lie, and how many bytes they take there.
_PIXELS: Final = ((273, 279), (324, 325))

_TIFF_6_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_LATER_BYTES: Final = {13: 4, 16: 8, 17: 8, 18: 8}  # BigTIFF's; libtiff takes them in any TIFF
_TYPE_BYTES: Final = _TIFF_6_BYTES | _LATER_BYTES  # of one value, by the number of its type
_INTEGERS: Final = {1: "u1", 3: "u2", 4: "u4"}
_TEXT_TYPES: Final = frozenset({1, 2, 7})  # kept as bytes; the others become Python numbers
MAX_TAGS: Final = 4096  # of libtiff in one directory; a picture has some dozen
_MAX_NUMBERS: Final = 1_000_000  # tiles of 16 px in four planes of 50 megapixels are 800,000
_MAX_CLAIMED_SHARE: Final = 2  # of the file: empty strips or tiles may share their bytes
_SMALL_CLAIMED_BYTES: Final = 16_777_216  # whatever the file's size
_MAX_PLANES: Final = 5  # CMYK with alpha
_MIN_TILE_PX: Final = 16  # section 15
_MAX_TILE_SHARE: Final = 4  # of the picture: the last row and column of tiles overhang
_SMALL_TILE_PIXELS: Final = 1_048_576  # whatever the picture's size


@dataclass(frozen=True, slots=True)
class _Value:
    """Where a tag's value lies: its type, how many, and the byte at which it begins."""

    kind: int
    count: int
    offset: int

    @property
    def num_bytes(self) -> int:
        return self.count * _TYPE_BYTES[self.kind]


def walk(data: bytes) -> tuple[int, int]:
    """Return width and height; as `service.imaging.containers.walk`.

    A tag that is there twice is refused: readers disagree on which one counts, and a file must
    not show one size to the limits and another to the decoder.

    Raises:
        ImageTooLarge: a tile is much larger than the picture.
    """
    order = _order(data)
    (offset,) = struct.unpack_from(f"{order}I", data, 4)
    values, next_offset = _directory(data, order, offset)
    if next_offset:
        raise ImageAnimated("the tiff has several pages; only single pictures are accepted")
    for tag in (_EXIF, _GPS):
        if tag in values:
            _check_beside(data, order, int(_numbers(data, order, values[tag])[0]))
    if _WIDTH not in values or _HEIGHT not in values:
        raise ImageCorrupt("the size is missing")
    width_px, height_px = (_number(data, order, values[tag]) for tag in (_WIDTH, _HEIGHT))
    _check_pixels(data, order, values, _max_pieces(width_px, height_px))
    tile = [_number(data, order, values[t]) for t in (_TILE_WIDTH, _TILE_HEIGHT) if t in values]
    if len(tile) == 2 and tile[0] * tile[1] > max(
        _SMALL_TILE_PIXELS, _MAX_TILE_SHARE * width_px * height_px
    ):
        raise ImageTooLarge("a tile of the tiff is much larger than the picture")
    return width_px, height_px


def has_manifest(data: bytes) -> bool:
    """Return whether there is a tag of C2PA.

    Args:
        data: a file that `walk` has passed.
    """
    order = _order(data)
    (offset,) = struct.unpack_from(f"{order}I", data, 4)
    return any(tag == _C2PA for tag, _ in _entries(data, order, offset))


def num_values(data: bytes, offset: int, *, num_of_tag: int) -> int:
    """Return how many values a directory holds; a text is one.

    Args:
        data: a file that `walk` has passed.
        offset: where the directory begins.
        num_of_tag: as how many values each tag counts beside its own.
    """
    num_values = 0
    with contextlib.suppress(struct.error):  # up to where it is cut off
        for _, value in _entries(data, _order(data), offset):
            num_values += num_of_tag + (1 if value.kind in _TEXT_TYPES else value.count)
    return num_values


def with_strips_in_picture(data: bytes) -> bytes:
    """Return the file with no more rows to a strip than the picture has.

    More are allowed and mean the same; OpenCV allocates all of them.

    Args:
        data: a file that `walk` has passed.
    """
    order = _order(data)
    (offset,) = struct.unpack_from(f"{order}I", data, 4)
    values, _ = _directory(data, order, offset)
    rows = values.get(_ROWS_PER_STRIP)
    height_px = _number(data, order, values[_HEIGHT])
    if rows is None or _number(data, order, rows) <= height_px:
        return data
    written = np.array([height_px], f"{order}{_INTEGERS[rows.kind]}").tobytes()
    return data[: rows.offset] + written + data[rows.offset + len(written) :]


def _order(data: bytes) -> str:
    return "<" if data.startswith(b"II") else ">"


def _directory(data: bytes, order: str, offset: int) -> tuple[dict[int, _Value], int]:
    """Return tag -> value, and where the next directory is, 0 for none."""
    (num_tags,) = struct.unpack_from(f"{order}H", data, offset)
    if num_tags > MAX_TAGS:
        raise ImageCorrupt(f"they have more than {MAX_TAGS} tags")
    values: dict[int, _Value] = {}
    for tag, value in _entries(data, order, offset):
        if tag in values:
            raise ImageCorrupt("a tag is there twice")
        values[tag] = value
    readable = [value.num_bytes for value in values.values() if value.num_bytes <= len(data)]
    if sum(readable) > len(data):
        raise ImageCorrupt("the tags claim more bytes than the file has")
    (next_offset,) = struct.unpack_from(f"{order}I", data, offset + 2 + 12 * num_tags)
    return values, next_offset


def _entries(data: bytes, order: str, offset: int) -> Iterator[tuple[int, _Value]]:
    """Give the entries of a directory whose type is known; readers skip the others."""
    (num_tags,) = struct.unpack_from(f"{order}H", data, offset)
    for position in range(offset + 2, offset + 2 + 12 * num_tags, 12):
        tag, kind, count, place = struct.unpack_from(f"{order}HHII", data, position)
        if kind not in _TYPE_BYTES:
            continue
        value = _Value(kind, count, place)
        if value.num_bytes <= 4:
            value = _Value(kind, count, position + 8)
        is_there = value.num_bytes <= len(data)
        if is_there and kind not in _TEXT_TYPES and count > _MAX_NUMBERS:
            raise ImageCorrupt(f"a tag holds more than {_MAX_NUMBERS} numbers")
        yield tag, value


def _check_beside(data: bytes, order: str, offset: int) -> None:
    """Check a directory of metadata; one that is cut off, or too long, is dropped later."""
    with contextlib.suppress(struct.error):
        (num_tags,) = struct.unpack_from(f"{order}H", data, offset)
        if num_tags > MAX_TAGS:
            return
        for _ in _entries(data, order, offset):
            pass


def _max_pieces(width_px: int, height_px: int) -> int:
    """Return how many strips, or tiles, a picture can have; a reader makes an object of each."""
    num_tiles = -(-width_px // _MIN_TILE_PX) * -(-height_px // _MIN_TILE_PX)
    return _MAX_PLANES * max(height_px, num_tiles)


def _check_pixels(data: bytes, order: str, values: dict[int, _Value], max_pieces: int) -> None:
    for offset_tag, size_tag in _PIXELS:
        if offset_tag in values and values[offset_tag].count > max_pieces:
            raise ImageCorrupt("the picture has more strips or tiles than rows or blocks")
        if offset_tag not in values or size_tag not in values:
            continue
        offsets = _numbers(data, order, values[offset_tag]).astype(np.uint64)
        sizes = _numbers(data, order, values[size_tag]).astype(np.uint64)
        num = min(len(offsets), len(sizes))
        if np.any(offsets[:num] + sizes[:num] > len(data)):
            raise ImageCorrupt("the pixels lead past the end of the file")
        # Bytes are decoded as often as they are named.
        if sizes[:num].sum() > max(_SMALL_CLAIMED_BYTES, _MAX_CLAIMED_SHARE * len(data)):
            raise ImageCorrupt("the strips or tiles claim more bytes than the file has")


def _number(data: bytes, order: str, value: _Value) -> int:
    return int(_numbers(data, order, value)[0])


def _numbers(data: bytes, order: str, value: _Value) -> npt.NDArray[Any]:
    if value.kind not in _INTEGERS or value.offset + value.num_bytes > len(data):
        raise ImageCorrupt("a tag that must be a number is none")
    number_type = np.dtype(f"{order}{_INTEGERS[value.kind]}")
    return np.frombuffer(data, number_type, value.count, value.offset)
