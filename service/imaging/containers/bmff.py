"""AVIF and HEIF: boxes (ISO 14496-12) around items (ISO 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from relight.errors import ImageAnimated, ImageCorrupt, ImageTooLarge, UnsupportedMediaType
from service.imaging.containers import items
from service.imaging.containers.coded import UnitCount, av1_sizes, hevc_size, hevc_sizes

_MAX_BOXES: Final = 20_000  # a phone's picture has a hundred
_MAX_PADDING_PX: Final = 63  # coded pictures consist of whole blocks of up to 64 px
_MAX_METADATA_BYTES: Final = 4_000_000
_MAX_COPIED_BYTES: Final = 4 * _MAX_METADATA_BYTES
_MAX_TURNS: Final = 8  # of one picture: each makes a copy of it; the standard allows one a kind
_TURNS: Final = frozenset({b"clap", b"irot", b"imir"})
_WITH_VERSION: Final = frozenset({b"meta", b"iloc", b"iinf", b"infe", b"ispe", b"iref"})
_CONTAINERS: Final = frozenset({b"meta", b"iprp", b"ipco", b"iinf"})
# Readers disagree on which one counts, if there are two.
_ONCE: Final = frozenset({b"meta", b"pitm", b"iinf", b"iloc", b"iref", b"iprp", b"ipco", b"idat"})
_AV1, _HEVC = frozenset({b"av01"}), frozenset({b"hvc1", b"hev1"})
_DERIVED: Final = frozenset({b"grid", b"iovl", b"iden", b"tmap"})
_MAX_PARTS_SHARE: Final = 4  # of the picture: the last row and column of tiles overhang
_SMALL_PIXELS: Final = 4_194_304  # whatever the picture's size
_MAX_DEPTH: Final = 8
_C2PA_BOX: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_METADATA: Final = frozenset({b"Exif", b"mime", b"uri "})


class _Property(NamedTuple):
    """A property of items: its name, its length, and the size that it gives; 0 by 0 for none."""

    name: bytes
    num_bytes: int
    size: tuple[int, int]


@dataclass(slots=True)
class _File:
    """What the boxes contain.

    Attributes:
        sizes: width and height of everything that is a picture, or will be one.
        kinds: item -> its type.
        extents: item -> (construction method, first byte, bytes), in order.
        data_box: where `idat` begins and ends.
        num_length_bytes: bytes of the lengths in front of HEVC's units.
        property_box: where `ipco` begins and ends.
        properties: in the order of `ipco`.
        owned: item -> places of its properties, from 1.
        parts: item -> the items that it is derived from, each as often as it is named.
        described: item of metadata -> how many references it has to pictures.
        seen: names of the boxes that may be there once.
        census: of the items that the tables name.
        units: of the coded pictures.
    """

    sizes: list[tuple[int, int]] = field(default_factory=list)
    kinds: dict[int, bytes] = field(default_factory=dict)
    extents: items.Extents = field(default_factory=dict)
    data_box: tuple[int, int] = (0, 0)
    num_length_bytes: int = 4
    property_box: tuple[int, int] = (0, 0)
    properties: list[_Property] = field(default_factory=list)
    owned: dict[int, list[int]] = field(default_factory=dict)
    parts: dict[int, list[int]] = field(default_factory=dict)
    described: dict[int, int] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    census: items.Census = field(default_factory=items.Census)
    units: UnitCount = field(default_factory=UnitCount)

    def properties_of(self, item: int) -> Iterator[_Property]:
        """Give the properties that an item owns."""
        for place in self.owned.get(item, ()):
            if 0 < place <= len(self.properties):
                yield self.properties[place - 1]


def walk(data: bytes) -> tuple[int, int]:
    """Return the sides of the largest picture; as `service.imaging.containers.walk`.

    Raises:
        UnsupportedMediaType: an item is coded in another way than AV1 or HEVC.
        ImageTooLarge: the parts of a picture are much larger than the picture.
    """
    file = _File()
    for name, start, end in _boxes(data, 0, len(data)):
        num_before = len(file.sizes)
        _note(file, name, data, start, end)
        if file.property_box[0] < start < file.property_box[1]:
            size = max(file.sizes[num_before:], key=_area, default=(0, 0))
            file.properties.append(_Property(name, end - start, size))
    own = {i: _item_sizes(file, kind, _content(file, i, data)) for i, kind in file.kinds.items()}
    file.sizes += [size for sizes in own.values() for size in sizes]
    if not file.sizes:
        raise ImageCorrupt("they have no picture")
    _check_parts(file, own)
    _check_copies(file)
    return max(file.sizes, key=_area)


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _check_parts(file: _File, own: dict[int, list[tuple[int, int]]]) -> None:
    """Refuse a derived picture whose parts take much more decoding than it has pixels.

    A decoder decodes a part each time that it is named.
    """
    largest = max(map(_area, file.sizes))
    decoded: dict[int, int] = {}

    def num_pixels(item: int, depth: int) -> int:
        """Return how many pixels are decoded for an item, its parts included."""
        if depth > _MAX_DEPTH:
            raise ImageCorrupt(f"pictures are derived from others more than {_MAX_DEPTH} deep")
        if item not in decoded:
            owned = [owned.size for owned in file.properties_of(item)]
            area = max(map(_area, [*own.get(item, ()), *owned]), default=0) or largest
            total = area + sum(num_pixels(part, depth + 1) for part in file.parts.get(item, ()))
            if total > max(_SMALL_PIXELS, (1 + _MAX_PARTS_SHARE) * area):
                raise ImageTooLarge("the parts of a picture are much larger than the picture")
            decoded[item] = total
        return decoded[item]

    for item in file.parts:
        num_pixels(item, 1)


def _check_copies(file: _File) -> None:
    """Refuse what a decoder copies without end: pictures that are turned, shared metadata.

    A reader gives each picture that is no part of another its own copy of all that belongs to it.
    """
    parts = {part for named in file.parts.values() for part in named}
    num_copied = 0
    for item in file.owned:
        owned = list(file.properties_of(item))
        if sum(one.name in _TURNS for one in owned) > _MAX_TURNS:
            raise ImageCorrupt(f"a picture is turned or cut more than {_MAX_TURNS} times")
        num_copied += sum(one.num_bytes for one in owned) if item not in parts else 0
    for item, num_pictures in file.described.items():
        num_copied += num_pictures * sum(num for _, _, num in file.extents.get(item, ()))
    if num_copied > _MAX_COPIED_BYTES:
        raise ImageCorrupt(f"the pictures' metadata have more than {_MAX_COPIED_BYTES} bytes")


def has_manifest(data: bytes) -> bool:
    """Return whether there is a box of C2PA.

    Args:
        data: a file that `walk` has passed.
    """
    return any(
        name == b"uuid" and data[start : start + 16] == _C2PA_BOX
        for name, start, _ in _boxes(data, 0, len(data))
    )


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Give every box's name, and where its content begins and ends; children after parents."""
    ahead, num_boxes = [(start, end)], 0
    while ahead:
        position, stop = ahead.pop()
        while position + 8 <= stop:
            num_boxes += 1
            if num_boxes > _MAX_BOXES:
                raise ImageCorrupt(f"they have more than {_MAX_BOXES} boxes")
            num_bytes, name = struct.unpack_from(">I4s", data, position)
            inner = position + 8
            if num_bytes == 1:
                (num_bytes,) = struct.unpack_from(">Q", data, inner)
                inner += 8
            box_end = position + num_bytes if num_bytes else stop
            if box_end > stop or box_end < inner:
                raise ImageCorrupt(f"a box claims {num_bytes} bytes; {stop - position} follow")
            yield name, inner, box_end
            if name in _CONTAINERS:
                ahead.append((inner + _prefix_bytes(name, data, inner), box_end))
            position = box_end


def _prefix_bytes(name: bytes, data: bytes, inner: int) -> int:
    """Return how many bytes stand before a container's children."""
    if name == b"iinf":
        return 4 + (2 if data[inner] == 0 else 4)
    return 4 if name in _WITH_VERSION else 0


def _check_once(file: _File, name: bytes) -> None:
    """Refuse a second box of those that may be there once, and a film."""
    if name == b"moov":
        raise ImageAnimated("the file is a sequence; only still images are accepted")
    if name in file.seen:
        raise ImageCorrupt(f"they have two boxes of the kind {name.decode()}")
    if name in _ONCE:
        file.seen.add(name)


def _note(file: _File, name: bytes, data: bytes, start: int, end: int) -> None:
    """Take from a box what bounds the memory of its reader."""
    _check_once(file, name)
    if name == b"ispe":
        file.sizes.append(struct.unpack_from(">II", data[start:end], 4))
    elif name == b"infe":
        version = data[start]
        item, kind = struct.unpack_from(">H2x4s" if version < 3 else ">I2x4s", data, start + 4)
        file.census.add(item)
        if item in file.kinds:
            raise ImageCorrupt("an item is there twice")
        file.kinds[item] = kind if version >= 2 else b""
    elif name == b"iloc":
        file.extents = items.locations(data[start:end], len(data), file.census)
    elif name == b"idat":
        file.data_box = (start, end)
    elif name == b"ipco":
        file.property_box = (start, end)
    elif name == b"ipma":
        for item, places in items.associations(data[start:end], file.census).items():
            file.owned.setdefault(item, []).extend(places)
    elif name == b"iref":
        _note_references(file, data[start:end])
    elif name == b"av1C":
        file.sizes += map(_unpadded, av1_sizes(data[start + 4 : end], file.units))
    elif name == b"hvcC":
        file.num_length_bytes = (data[start + 21] & 3) + 1
        file.sizes += map(_unpadded, _configured_sizes(data[start:end], file.units))


def _note_references(file: _File, box: bytes) -> None:
    """Take from `iref` which pictures are derived from others, and which metadata are whose."""
    num_bytes = 4 if box[0] else 2
    for name, start, end in _boxes(box, 4, len(box)):
        item, named = items.reference(box[start:end], num_bytes, file.census)
        if name == b"dimg":
            if item in file.parts:
                raise ImageCorrupt("a picture is derived from others twice")
            file.parts[item] = named
        elif name == b"cdsc":
            file.described[item] = file.described.get(item, 0) + len(named)


def _content(file: _File, item: int, data: bytes) -> bytes:
    """Return an item's bytes."""
    parts = []
    for method, first, num_bytes in file.extents.get(item, ()):
        if method > 1:
            raise UnsupportedMediaType("pictures that are built from other items are not read")
        base, stop = file.data_box if method == 1 else (0, len(data))
        start, end = base + first, base + first + num_bytes if num_bytes else stop
        if end > stop or start > end:
            raise ImageCorrupt("an item leads past the end of its data")
        parts.append(data[start:end])
    return b"".join(parts)


def _item_sizes(file: _File, kind: bytes, content: bytes) -> list[tuple[int, int]]:
    if kind in _METADATA:
        if len(content) > _MAX_METADATA_BYTES:
            raise ImageCorrupt(f"the metadata have more than {_MAX_METADATA_BYTES} bytes")
        return []
    if kind in _AV1:
        return [_unpadded(size) for size in av1_sizes(content, file.units)]
    if kind in _HEVC:
        sizes = hevc_sizes(content, file.num_length_bytes, file.units)
        return [_unpadded(size) for size in sizes]
    if kind not in _DERIVED:
        raise UnsupportedMediaType(f"pictures coded as {kind!r} are not read")
    if kind == b"grid":
        return [struct.unpack_from(">II" if content[1] & 1 else ">HH", content, 4)]
    if kind == b"iovl":
        return [struct.unpack_from(">II" if content[1] & 1 else ">HH", content, 10)]
    return []


def _unpadded(size: tuple[int, int]) -> tuple[int, int]:
    """Return the smallest picture that a coded one of that size can hold."""
    return max(1, size[0] - _MAX_PADDING_PX), max(1, size[1] - _MAX_PADDING_PX)


def _configured_sizes(box: bytes, count: UnitCount) -> Iterator[tuple[int, int]]:
    """Give the sizes of the parameter sets in `hvcC` (ISO 14496-15, 8.3.3.1)."""
    reader = items.Reader(box, 22)
    for _ in range(reader.read(1)):
        reader.read(1)
        for _ in range(reader.read(2)):
            count.add()
            yield from hevc_size(reader.read_bytes(reader.read(2)))
