"""Reads the boxes of AVIF and HEIF (ISO/IEC 14496-12, 23008-12): colours, trailers, faults.

`containers.bmff` checks the same boxes for false claims.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

_SEQUENCE_BRANDS: Final = frozenset({b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"})
_MAX_BOXES: Final = 10_000
_ESSENTIAL: Final = 1 << 15  # of an association, in its wide form


class Box(NamedTuple):
    """Where a box lies: `start` of its header, `body`, `end`."""

    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class _Meta:
    """What the `meta` box says of its items.

    Attributes:
        box: where it lies.
        children: the boxes inside.
        primary: the number of the primary item.
        properties: the item properties, from number 1 on.
        associations: the properties of each item, with `_ESSENTIAL` set where they are; of
            all `ipma` boxes.
        num_association_boxes: how many of them there are.
    """

    box: Box
    children: tuple[Box, ...]
    primary: int
    properties: tuple[Box, ...]
    associations: dict[int, list[int]]
    num_association_boxes: int


def without_trailer(data: bytes) -> bytes:
    """Return the file without what a phone has put behind it.

    A video begins with `ftyp` again; other trailers are no boxes at all.
    """
    end = 0
    for box in _boxes(data, 0, len(data)):
        if box.kind == b"ftyp" and box.start > 0:
            break
        end = box.end
    return data[:end]


def is_sequence(data: bytes) -> bool:
    """Whether the file is made to show an image sequence, not a still image beside others."""
    kinds = (box.kind for box in _boxes(data, 0, len(data)))
    return data[8:12] in _SEQUENCE_BRANDS or b"moov" in kinds


def colour_codes(data: bytes) -> tuple[int, int] | None:
    """Return colour primaries and transfer characteristics of the primary image.

    Returns:
        The code points of its `nclx` box; None where there is none.
    """
    try:
        meta = _read_meta(data)
    except (struct.error, IndexError):
        return None
    if meta is None:
        return None
    numbers = meta.associations.get(meta.primary, [])
    for number in (number & ~_ESSENTIAL for number in numbers):
        box = meta.properties[number - 1] if 0 < number <= len(meta.properties) else None
        if box and box.kind == b"colr" and data[box.body : box.body + 4] == b"nclx":
            primaries, transfer = struct.unpack_from(">2H", data, box.body + 4)
            return primaries, transfer
    return None


def mended(data: bytes) -> bytes | None:
    """Return the file in the letter of the standard, where its encoder was careless.

    Older AVIF encoders write one `ipma` box for each item, in any order, and no size (`ispe`)
    for the alpha image. Decoders that are strict refuse both. The new `meta` box stands at
    the end, and the old one is marked as free, so that no offset changes.

    Returns:
        None where there is nothing to mend.
    """
    try:
        meta = _read_meta(data)
    except (struct.error, IndexError):
        return None
    if meta is None or not meta.associations:
        return None
    sizes = [n for n, box in enumerate(meta.properties, 1) if box.kind == b"ispe"]
    own_size = [n for n in meta.associations.get(meta.primary, []) if n & ~_ESSENTIAL in sizes]
    without_size = [
        item
        for item, numbers in meta.associations.items()
        if not any(number & ~_ESSENTIAL in sizes for number in numbers)
    ]
    in_order = list(meta.associations) == sorted(meta.associations)
    if meta.num_association_boxes == 1 and in_order and not (own_size and without_size):
        return None
    associations = {
        item: numbers + (own_size[:1] if item in without_size else [])
        for item, numbers in sorted(meta.associations.items())
    }
    body = b"".join(
        _mended_properties(data, box, associations)
        if box.kind == b"iprp"
        else data[box.start : box.end]
        for box in meta.children
    )
    rewritten = _box(b"meta", data[meta.box.body : meta.box.body + 4] + body)
    old = meta.box
    *_, last = _boxes(data, 0, len(data))
    if last.end != len(data) or data[last.start : last.start + 4] == bytes(4):
        return None  # what is added would belong to the last box
    return data[: old.start + 4] + b"free" + data[old.start + 8 :] + rewritten


def _read_meta(data: bytes) -> _Meta | None:
    meta = next((box for box in _boxes(data, 0, len(data)) if box.kind == b"meta"), None)
    if meta is None:
        return None
    children = tuple(_boxes(data, meta.body + 4, meta.end))
    primary, properties, num_boxes = 0, tuple[Box, ...](), 0
    associations: dict[int, list[int]] = {}
    for child in children:
        if child.kind == b"pitm":
            wide = data[child.body] > 0
            (primary,) = struct.unpack_from(">I" if wide else ">H", data, child.body + 4)
        if child.kind != b"iprp":
            continue
        for box in _boxes(data, child.body, child.end):
            if box.kind == b"ipco":
                properties = tuple(_boxes(data, box.body, box.end))
            elif box.kind == b"ipma":
                num_boxes += 1
                for item, numbers in _associations(data, box):
                    associations.setdefault(item, []).extend(numbers)
    return _Meta(meta, children, primary, properties, associations, num_boxes)


def _associations(data: bytes, box: Box) -> Iterator[tuple[int, list[int]]]:
    """Yield the items of an `ipma` box, each with the numbers of its properties."""
    version, flags = data[box.body], data[box.body + 3]
    (num_items,) = struct.unpack_from(">I", data, box.body + 4)
    offset = box.body + 8
    for _ in range(min(num_items, _MAX_BOXES)):
        (item,) = struct.unpack_from(">I" if version else ">H", data, offset)
        offset += 4 if version else 2
        num_properties = data[offset]
        offset += 1
        if flags & 1:
            numbers = list(struct.unpack_from(f">{num_properties}H", data, offset))
        else:
            numbers = [(n & 0x7F) | (n >> 7 << 15) for n in data[offset : offset + num_properties]]
        offset += num_properties * (1 + (flags & 1))
        if offset > box.end:
            return
        yield item, numbers


def _mended_properties(data: bytes, box: Box, associations: dict[int, list[int]]) -> bytes:
    """Return an `iprp` box with one `ipma`, in its wide form."""
    others = [
        data[child.start : child.end]
        for child in _boxes(data, box.body, box.end)
        if child.kind != b"ipma"
    ]
    items = b"".join(
        struct.pack(f">IB{len(numbers)}H", item, len(numbers), *numbers)
        for item, numbers in associations.items()
    )
    head = struct.pack(">4BI", 1, 0, 0, 1, len(associations))
    return _box(b"iprp", b"".join(others) + _box(b"ipma", head + items))


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two offsets, up to one that is cut off or broken."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif size == 0:
            size = end - start
        if start + size > end or start + size < body:
            return
        yield Box(kind, start, body, start + size)
        start += size
