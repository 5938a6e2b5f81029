"""HEIF pictures that are put together of tiles (ISO 23008-12, 6.6.2.3)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO

import pillow_heif
from PIL import Image

from service.imaging.containers import bmff

GRID, FIRST_TILE = 1, 2


def box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), name) + content


def grid(
    tile_px: int, rows: int, columns: int, size_px: tuple[int, int], parts: Sequence[int] = ()
) -> bytes:
    """Return a picture of tiles that all have the same bytes.

    Args:
        tile_px: side of a tile.
        rows: how many tiles are below each other.
        columns: how many are beside each other.
        size_px: width and height of the whole.
        parts: what the grid consists of, where it is not its tiles.
    """
    file = BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (tile_px, tile_px), "gray")).save(file, quality=50)
    coded = {
        name: file.getvalue()[a:b] for name, a, b in bmff._boxes(file.getvalue(), 0, file.tell())
    }
    tiles = range(FIRST_TILE, FIRST_TILE + rows * columns)
    named = parts or tiles
    layout = struct.pack(">4B2H", 0, 0, rows - 1, columns - 1, *size_px)
    sizes = [box(b"ispe", bytes(4), struct.pack(">2I", *px)) for px in (size_px, (tile_px,) * 2)]
    owned = [struct.pack(">H2B", GRID, 1, 1), *(struct.pack(">H3B", t, 2, 2, 0x83) for t in tiles)]
    about = [
        box(
            b"infe", struct.pack(">I2H4sx", 2 << 24, item, 0, b"hvc1" if item in tiles else b"grid")
        )
        for item in (GRID, *tiles)
    ]

    def meta(data_start: int) -> bytes:
        places = [
            struct.pack(">4H2I", GRID, 1, 0, 1, 0, len(layout)),
            *(struct.pack(">4H2I", t, 0, 0, 1, data_start, len(coded[b"mdat"])) for t in tiles),
        ]
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", GRID)),
            box(b"iinf", struct.pack(">IH", 0, len(about)), *about),
            box(b"iloc", struct.pack(">IBBH", 1 << 24, 0x44, 0, len(places)), *places),
            box(
                b"iref",
                bytes(4),
                box(b"dimg", struct.pack(f">{2 + len(named)}H", GRID, len(named), *named)),
            ),
            box(
                b"iprp",
                box(b"ipco", *sizes, box(b"hvcC", coded[b"hvcC"])),
                box(b"ipma", bytes(4), struct.pack(">I", len(owned)), *owned),
            ),
            box(b"idat", layout),
        )

    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", coded[b"mdat"])
