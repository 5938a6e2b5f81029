"""Reads the item tables of HEIF: locations, property associations and references.

Decoders search all items for each one that a table names, so that their time grows with the
product of both numbers; and they read metadata once for each picture that these belong to. So the
tables are bounded in all that they name, not only in their own bytes.
"""

from __future__ import annotations

import struct
from typing import Final

from relight.errors import ImageCorrupt

_MAX_ITEMS: Final = 2_000  # tiles of 256 px in 50 megapixels, with as many of alpha, are 1,600
_MAX_NAMED: Final = 20_000  # in all tables together
_MAX_OWNED: Final = 65_536  # properties of all items together; a tile has three or four
_MAX_EXTENTS: Final = 65_536

_CODES: Final = {1: "B", 2: "H", 4: "I"}

Extents = dict[int, list[tuple[int, int, int]]]


class Reader:
    """Reads big-endian numbers one after the other."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._position = data, position

    def read(self, num_bytes: int) -> int:
        """Return the next number; 0 where it has no bytes."""
        return int.from_bytes(self.read_bytes(num_bytes), "big")

    def read_bytes(self, num_bytes: int) -> bytes:
        """Return the next bytes."""
        end = self._position + num_bytes
        if end > len(self._data):
            raise ImageCorrupt("a box is too short")
        taken, self._position = self._data[self._position : end], end
        return taken

    def read_all(self, count: int, num_bytes: int) -> tuple[int, ...]:
        """Return so many numbers of 1, 2 or 4 bytes each."""
        return struct.unpack(f">{count}{_CODES[num_bytes]}", self.read_bytes(count * num_bytes))


class Census:
    """Counts what the tables of a file name: items, and properties that they own.

    Raises:
        ImageCorrupt: there are more than a picture needs.
    """

    def __init__(self) -> None:
        self._items: set[int] = set()
        self._num_named = 0
        self._num_owned = 0

    def add(self, *items: int) -> None:
        """Count items, each as often as it is named."""
        self.expect(len(items))
        self._items.update(items)
        if len(self._items) > _MAX_ITEMS:
            raise ImageCorrupt(f"they name more than {_MAX_ITEMS} items")

    def expect(self, num_items: int) -> None:
        """Count names that are yet to be read, so that a table need not be read to refuse it."""
        self._num_named += num_items
        if self._num_named > _MAX_NAMED:
            raise ImageCorrupt(f"their tables name items more than {_MAX_NAMED} times")

    def own(self, num_properties: int) -> None:
        """Count properties that an item owns."""
        self._num_owned += num_properties
        if self._num_owned > _MAX_OWNED:
            raise ImageCorrupt(f"their items own more than {_MAX_OWNED} properties")


def locations(box: bytes, num_file_bytes: int, census: Census) -> Extents:
    """Read `iloc` (ISO 14496-12, 8.11.3).

    Returns:
        Item -> (construction method, first byte, bytes), in order.
    """
    version, sizes = box[0], (box[4] >> 4, box[4] & 15, box[5] >> 4, box[5] & 15)
    offset_size, length_size, base_size, index_size = sizes
    if not {*sizes} <= {0, 4, 8}:
        raise ImageCorrupt("a box is too short")
    reader = Reader(box, 6)
    wide = 4 if version == 2 else 2
    found: Extents = {}
    num_extents = 0
    for _ in range(reader.read(wide)):
        item = reader.read(wide)
        census.add(item)
        if item in found:
            raise ImageCorrupt("an item lies at two places")
        method = reader.read(2) & 15 if version else 0
        reader.read(2)  # data_reference_index
        base = reader.read(base_size)
        count = reader.read(2)
        num_extents += count
        if num_extents > _MAX_EXTENTS:
            raise ImageCorrupt(f"the items have more than {_MAX_EXTENTS} extents")
        extents = found[item] = []
        for _ in range(count):
            reader.read(index_size if version else 0)
            first = base + reader.read(offset_size)
            extents.append((method, first, reader.read(length_size)))
    if sum(num for extents in found.values() for _, _, num in extents) > 2 * num_file_bytes:
        raise ImageCorrupt("the items claim more bytes than the file has")
    return found


def associations(box: bytes, census: Census) -> dict[int, list[int]]:
    """Read `ipma` (ISO 23008-12, 9.3).

    Returns:
        Item -> places of its properties in `ipco`, from 1.
    """
    reader = Reader(box, 4)
    num_item_bytes, num_bytes = 4 if box[0] else 2, 2 if box[3] & 1 else 1
    essential = 1 << (8 * num_bytes - 1)
    found: dict[int, list[int]] = {}
    for _ in range(reader.read(4)):
        item = reader.read(num_item_bytes)
        census.add(item)
        count = reader.read(1)
        census.own(count)
        places = reader.read_all(count, num_bytes)
        found.setdefault(item, []).extend(place & (essential - 1) for place in places)
    return found


def reference(box: bytes, num_bytes: int, census: Census) -> tuple[int, list[int]]:
    """Read a reference (ISO 14496-12, 8.11.12): an item, and those that it refers to.

    Args:
        box: the content of one box inside `iref`.
        num_bytes: of an item's number.
        census: counts them.
    """
    reader = Reader(box, 0)
    item, count = reader.read(num_bytes), reader.read(2)
    census.expect(count)
    named = reader.read_all(count, num_bytes)
    census.add(item, *set(named))
    return item, list(named)
