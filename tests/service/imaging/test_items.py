"""The tables of AVIF's and HEIF's items are bounded in all that they name."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from PIL import Image

from relight.errors import ImageCorrupt
from service.imaging import containers, decode
from service.imaging.containers import bmff
from tests.service.imaging.heif_grids import box, grid
from tests.service.imaging.test_heif import heic
from tests.service.pictures import LIMITS, saved

PICTURE = Image.new("RGB", (64, 64), "gray")
WRITTEN = {"avif": saved(PICTURE, "avif", speed=10), "heif": heic(PICTURE)}
SIZE, CODEC = 1, 0x82  # places of the properties, the second one essential
MILLION = 1_000_000


def versioned(name: bytes, *parts: bytes, version: int = 0) -> bytes:
    return box(name, struct.pack(">I", version << 24), *parts)


def reference(name: bytes, item: int, named: Sequence[int]) -> bytes:
    return box(name, struct.pack(f">{2 + len(named)}H", item, len(named), *named))


def owns(item: int, *places: int) -> bytes:
    return struct.pack(">HB", item, len(places)) + bytes(places)


def file(
    format_name: str,
    *,
    num_pictures: int = 1,
    metadata: Sequence[bytes] = (),
    properties: Sequence[bytes] = (),
    owned: Sequence[int] = (),
    associations: bytes | None = None,
    references: bytes = b"",
    more: bytes = b"",
) -> bytes:
    """Return a file with any number of pictures, from 1 on, that all lie at one place.

    Args:
        format_name: `avif` or `heif`.
        num_pictures: how many.
        metadata: contents of EXIF items, whose numbers follow those of the pictures.
        properties: boxes of further properties, from place 3 on.
        owned: places of those that every picture owns.
        associations: the box, in place of the right one.
        references: boxes inside `iref`.
        more: boxes inside `meta`.
    """
    kind, configuration = (b"av01", b"av1C") if format_name == "avif" else (b"hvc1", b"hvcC")
    written = WRITTEN[format_name]
    parts = {name: written[a:b] for name, a, b in bmff._boxes(written, 0, len(written))}
    coded = parts[b"mdat"]
    pictures = range(1, 1 + num_pictures)
    kinds = [*((item, kind) for item in pictures)]
    kinds += [(num_pictures + n, b"Exif") for n in range(1, 1 + len(metadata))]
    about = [versioned(b"infe", struct.pack(">HH4sx", *(i, 0, k)), version=2) for i, k in kinds]
    size = versioned(b"ispe", struct.pack(">2I", 64, 64))
    if associations is None:
        entries = [owns(item, SIZE, CODEC, *owned) for item in pictures]
        associations = versioned(b"ipma", struct.pack(">I", len(entries)), *entries)

    def meta(start: int) -> bytes:
        places, end = [(start, len(coded))] * num_pictures, start + len(coded)
        for content in metadata:
            places.append((end, len(content)))
            end += len(content)
        table = b"".join(struct.pack(">3H2I", n, 0, 1, *place) for n, place in enumerate(places, 1))
        return versioned(
            b"meta",
            versioned(b"hdlr", bytes(4), b"pict", bytes(13)),
            versioned(b"pitm", struct.pack(">H", 1)),
            versioned(b"iinf", struct.pack(">H", len(about)), *about),
            versioned(b"iloc", bytes((0x44, 0)), struct.pack(">H", len(places)), table),
            versioned(b"iref", references) if references else b"",
            box(
                b"iprp",
                box(b"ipco", size, box(configuration, parts[configuration]), *properties),
                associations,
            ),
            more,
        )

    head = box(b"ftyp", b"avif" if format_name == "avif" else b"heic", bytes(4), b"mif1")
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", coded, *metadata)


@pytest.mark.parametrize("format_name", WRITTEN)
def test_a_file_of_a_few_items_is_read(format_name):
    data = file(format_name, num_pictures=3, references=reference(b"thmb", 2, [1]))
    assert decode(data, LIMITS).width_px == 64


def of_unknown_items(num: int) -> bytes:
    entries = owns(1, SIZE, CODEC) + b"".join(owns(2 + n) for n in range(num))
    return versioned(b"ipma", struct.pack(">I", 1 + num), entries)


ENDLESS = {
    "associations of unknown items": {"associations": of_unknown_items(3_000)},
    "associations of one item": {
        "associations": versioned(
            b"ipma", struct.pack(">I", 1 + MILLION), owns(1, SIZE, CODEC), owns(2) * MILLION
        )
    },
    "properties of many items": {"num_pictures": 300, "owned": [SIZE] * 250},
    "references to unknown items": {"references": reference(b"cdsc", 1, range(2, 3_000))},
    "references to one item": {"references": reference(b"auxl", 1, [1] * 60_000)},
    "references of one item": {"references": reference(b"thmb", 2, [1]) * 12_000},
    "pictures": {"num_pictures": 3_000},
    "turns": {"properties": [box(b"irot", b"\1")], "owned": [3] * 200},
    "mirrors and cuts": {
        "properties": [
            box(b"imir", b"\0"),
            box(b"clap", struct.pack(">8I", *[64, 1] * 2, *[0, 1] * 2)),
        ],
        "owned": [3, 4] * 20,
    },
    "copies of a profile": {
        "num_pictures": 200,
        "properties": [box(b"colr", b"prof", bytes(200_000))],
        "owned": [3],
    },
    "copies of metadata": {
        "num_pictures": 200,
        "metadata": [bytes(200_000)],
        "references": reference(b"cdsc", 201, range(1, 201)),
    },
    "lists of items": {"more": versioned(b"iloc", bytes((0x44, 0)), bytes(2))},
}


@pytest.mark.parametrize("format_name", WRITTEN)
@pytest.mark.parametrize("what", ENDLESS)
def test_what_a_decoder_would_search_or_copy_without_end_is_refused_before_it(format_name, what):
    with pytest.raises(ImageCorrupt, match=r"name|own|turned|metadata have|two boxes"):
        containers.walk(file(format_name, **ENDLESS[what]), format_name)


@pytest.mark.parametrize("format_name", WRITTEN)
def test_an_item_has_one_kind_one_place_and_one_list_of_parts(format_name):
    sound = file(format_name, num_pictures=2, references=reference(b"dimg", 3, [1]))
    second = struct.pack(">HH4s", 2, 0, b"av01" if format_name == "avif" else b"hvc1")
    assert sound.count(second) == 1
    with pytest.raises(ImageCorrupt, match="twice"):
        containers.walk(sound.replace(second, struct.pack(">HH", 1, 0) + second[4:]), format_name)
    place = sound.index(b"iloc") + 12
    with pytest.raises(ImageCorrupt, match="two places"):
        containers.walk(
            sound[: place + 14] + sound[place : place + 14] + sound[place + 28 :], format_name
        )
    twice = file(format_name, references=reference(b"dimg", 2, [1]) * 2)
    with pytest.raises(ImageCorrupt, match="twice"):
        containers.walk(twice, format_name)


def test_a_picture_of_a_thousand_tiles_is_walked():
    side_px = 30 * 64
    assert containers.walk(grid(64, 30, 30, (side_px, side_px)), "heif") == (side_px, side_px)
