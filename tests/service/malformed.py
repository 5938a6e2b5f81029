"""A corpus of files that no editor would write, made on the spot.

python -m tests.service.malformed FOLDER     writes it, to try it on a running service
"""

from __future__ import annotations

import struct
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from tests.service.pictures import P3, corners, noise, png_chunk, saved

PNG = b"\x89PNG\r\n\x1a\n"


def corpus() -> dict[str, bytes]:
    """Return name -> file. No file is larger than two megabytes."""
    return _lies() | _bombs() | _metadata() | _cut() | _tiff() | _layouts() | _frames()


def _png(width_px: int, height_px: int, *chunks: bytes, depth: int = 8, colour: int = 2) -> bytes:
    header = struct.pack(">2I5B", width_px, height_px, depth, colour, 0, 0, 0)
    return PNG + png_chunk(b"IHDR", header) + b"".join(chunks) + png_chunk(b"IEND", b"")


def _pixels(num_bytes: int) -> bytes:
    return png_chunk(b"IDAT", zlib.compress(bytes(num_bytes)))


def _jpeg(width_px: int, height_px: int) -> bytes:
    """Return a JPEG of 48 x 32 whose header claims another size."""
    data = bytearray(saved(corners(), "jpeg"))
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">2H", height_px, width_px)
    return bytes(data)


def _vp8x(width_px: int, height_px: int) -> bytes:
    canvas = (width_px - 1).to_bytes(3, "little") + (height_px - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def _lies() -> dict[str, bytes]:
    second = png_chunk(b"IHDR", struct.pack(">2I5B", 60_000, 60_000, 8, 2, 0, 0, 0))
    wide_second = png_chunk(b"IHDR", struct.pack(">2I5B", 9_000, 9_000, 16, 2, 0, 0, 0))
    return {
        "zero-width.png": _png(0, 16, _pixels(16)),
        "zero-size.jpg": _jpeg(0, 0),
        "zero-height.jpg": _jpeg(48, 0),
        "one-column.png": _png(1, 5_000_000, _pixels(1000)),
        "one-row.jpg": saved(Image.new("RGB", (3000, 1)), "jpeg"),
        "larger-than-it-is.png": _png(900, 900, _pixels(1000)),
        "larger-than-it-is-16.png": _png(900, 900, _pixels(1000), depth=16),
        "larger-than-it-is.jpg": _jpeg(900, 900),
        "smaller-than-it-is.jpg": _jpeg(40, 24),
        "two-headers.png": _png(16, 16, second, _pixels(16 * 49)),
        "two-headers-16.png": _png(16, 16, wide_second, _pixels(16 * 97), depth=16),
        "impossible-depth.png": _png(16, 16, _pixels(1000), depth=7),
        "impossible-colour.png": _png(16, 16, _pixels(1000), colour=5),
        "jpeg-in-name-only.jpg": b"\xff\xd8\xff\xe0" + bytes(2000),
        "nothing-but-a-brand.avif": b"\0\0\0\x1cftypavif" + bytes(16),
        "nothing-but-a-brand.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "text-in-riff.webp": b"RIFF\xff\xff\xff\x7fWEBPVP8 " + b"text" * 200,
        "webp-canvas-without-picture.webp": _vp8x(300, 200),
    }


def _bombs() -> dict[str, bytes]:
    scan = saved(Image.fromarray(noise(64, 64)), "jpeg", progressive=True)
    last = scan.rindex(b"\xff\xda")
    return {
        "bomb.png": _png(60_000, 60_000, _pixels(1000)),
        "bomb-16.png": _png(60_000, 60_000, _pixels(1000), depth=16),
        "bomb.jpg": _jpeg(65_000, 65_000),
        "bomb.webp": _vp8x(16_383, 16_383),
        "ten-thousand-scans.jpg": scan[:last] + scan[last:-2] * 1000 + scan[-2:],
        "animated.webp": saved(
            Image.fromarray(noise(40, 40)),
            "webp",
            save_all=True,
            append_images=[Image.fromarray(noise(40, 40, seed=1))],
        ),
        "animated.png": saved(
            Image.fromarray(noise(40, 40)),
            save_all=True,
            append_images=[Image.fromarray(noise(40, 40, seed=1))],
        ),
    }


def _metadata() -> dict[str, bytes]:
    not_a_number = bytearray(P3)
    for offset in range(128, len(not_a_number) - 4, 4):
        if not_a_number[offset : offset + 4] == b"XYZ ":
            not_a_number[offset + 8 : offset + 20] = b"\x7f\xc0\0\0" * 3
    text = zlib.compress(bytes(100_000_000))
    loop = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08\0\0\0\x08"
    return {
        "nan-profile.png": saved(corners(), icc_profile=bytes(not_a_number)),
        "profile-of-zeros.jpg": saved(corners(), "jpeg", icc_profile=bytes(1000)),
        "profile-that-lies-about-its-length.jpg": saved(
            corners(), "jpeg", icc_profile=b"\x7f\xff\xff\xff" + P3[4:]
        ),
        "huge-profile.webp": saved(corners(), "webp", icc_profile=P3 + bytes(1_900_000)),
        "profile-bomb.png": _png(64, 64, png_chunk(b"iCCP", b"bomb\0\0" + text), _pixels(64 * 193)),
        "text-bomb.png": _png(16, 16, png_chunk(b"zTXt", b"bomb\0\0" + text), _pixels(16 * 49)),
        "many-texts.png": _png(
            16, 16, *[png_chunk(b"tEXt", b"a\0" + bytes(20))] * 20_000, _pixels(16 * 49)
        ),
        "exif-that-loops.jpg": saved(corners(), "jpeg", exif=loop),
        "exif-of-noise.webp": saved(corners(), "webp", exif=b"Exif\0\0" + noise().tobytes()),
        "huge-comment.jpg": saved(corners(), "jpeg", comment=b"x" * 65_000),
    }


def _cut() -> dict[str, bytes]:
    picture = Image.fromarray(noise(64, 64))
    files = {}
    for name in ("jpeg", "png", "webp", "avif", "tiff"):
        data = saved(picture, name)
        for share in (0.05, 0.3, 0.7, 0.97):
            files[f"cut-at-{share}.{name}"] = data[: int(len(data) * share)]
    return files


def _tiff() -> dict[str, bytes]:
    def directory(*tags: tuple[int, int, int, int], next_offset: int = 0) -> bytes:
        entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
        header = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags))
        return header + entries + struct.pack("<I", next_offset) + bytes(4000)

    def tags(width_px: int, height_px: int, *more: tuple[int, int, int, int], bits: int = 16):
        plain = [
            (256, 4, 1, width_px), (257, 4, 1, height_px), (258, 3, 1, bits), (259, 3, 1, 1),
            (262, 3, 1, 1), (273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, height_px),
            (279, 4, 1, 2000),
        ]  # fmt: skip
        return directory(*sorted([*plain, *more]))

    pages = BytesIO()
    Image.fromarray(noise(40, 40)).save(
        pages, "tiff", save_all=True, append_images=[Image.fromarray(noise(40, 40, seed=1))]
    )
    return {
        "bomb.tiff": tags(60_000, 60_000),
        "bomb-8.tiff": tags(60_000, 60_000, bits=8),
        "zero.tiff": tags(0, 0),
        "two-widths.tiff": tags(16, 16, (256, 4, 1, 60_000)),
        "larger-than-it-is.tiff": tags(900, 900),
        "vast-tile.tiff": tags(40, 40, (322, 4, 1, 65_520), (323, 4, 1, 65_520)),
        "endless-sub-directories.tiff": tags(40, 40, (330, 4, 2**31, 8)),
        "three-bits.tiff": tags(16, 16, bits=3),
        "directory-beyond-the-end.tiff": b"II*\0" + struct.pack("<I", 2**31),
        "directory-that-loops.tiff": directory((256, 4, 1, 16), next_offset=8),
        "pages.tiff": pages.getvalue(),
        "no-tags.tiff": directory(),
        "nothing.tiff": b"MM\0*",
        "float.tiff": saved(Image.fromarray(np.zeros((16, 16), np.float32)), "tiff"),
    }


def _layouts() -> dict[str, bytes]:
    """Return TIFFs of which one tag is changed."""
    picture = Image.fromarray(noise(64, 64))
    plain, coloured = saved(picture, "tiff"), saved(picture.quantize(16), "tiff")
    jpeg = saved(picture, "tiff", compression="jpeg")

    def changed(data: bytes, tag: int, kind: int, count: int, value: int) -> bytes:
        (start,) = struct.unpack_from("<I", data, 4)
        (num_tags,) = struct.unpack_from("<H", data, start)
        entries = range(start + 2, start + 2 + 12 * num_tags, 12)
        (at,) = (e for e in entries if struct.unpack_from("<H", data, e) == (tag,))
        return data[:at] + struct.pack("<2H2I", tag, kind, count, value) + data[at + 12 :]

    return {
        "planes.tiff": changed(plain, 284, 3, 1, 2),
        "planes-of-no-kind.tiff": changed(plain, 284, 3, 1, 7),
        "rows-of-none.tiff": changed(plain, 278, 4, 1, 0),
        "rows-without-end.tiff": changed(plain, 278, 4, 1, 2**32 - 1),
        "strip-sizes-of-64-bits.tiff": changed(plain, 279, 16, 1, 8),
        "webp-inside.tiff": changed(plain, 259, 3, 1, 50001),
        "old-jpeg-without-jpeg.tiff": changed(plain, 259, 3, 1, 6),
        "colours-without-meaning.tiff": changed(plain, 262, 3, 1, 65535),
        "five-bits.tiff": changed(coloured, 258, 3, 1, 5),
        "palette-of-one.tiff": changed(coloured, 320, 3, 1, 7),
        "palette-beyond-the-end.tiff": changed(coloured, 320, 3, 768, 2**31),
        "old-jpeg.tiff": changed(jpeg, 259, 3, 1, 6),
        "jpeg-tables-beyond-the-end.tiff": changed(jpeg, 347, 7, 2**31 - 1, 8),
        "jpeg-of-another-size.tiff": changed(jpeg, 257, 3, 1, 4000),
        "64-bit-offsets.tiff": b"II+\0\x08\0\0\0" + struct.pack("<2Q", 16, 2**60) + bytes(400),
    }


def _frames() -> dict[str, bytes]:
    """Return animations that claim one frame, or more than there are."""
    pixels = _pixels(16 * 49)

    def control(width_px: int, x_px: int) -> bytes:
        return png_chunk(b"fcTL", struct.pack(">5I2H2B", 0, width_px, 16, x_px, 0, 1, 1, 0, 0))

    def count(number: int) -> bytes:
        return png_chunk(b"acTL", struct.pack(">2I", number, 0))

    def webp(x_px: int) -> bytes:
        coded = saved(Image.fromarray(noise(16, 16)), "webp", lossless=True)[12:]
        frame = struct.pack("<I", x_px)[:3] + bytes(3) + b"\x0f\0\0" * 2 + b"\1\0\0\0" + coded
        chunks = _vp8x(16, 16)[12:] + b"ANIM" + struct.pack("<I", 6) + bytes(6)
        chunks += b"ANMF" + struct.pack("<I", len(frame)) + frame
        data = bytearray(b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks)
        data[20] = 2  # an animation
        return bytes(data)

    return {
        "one-frame.png": _png(16, 16, count(1), control(16, 0), pixels),
        "one-frame-outside.png": _png(16, 16, count(1), control(16, 1000), pixels),
        "frames-without-end.png": _png(16, 16, count(2**31 - 1), control(16, 0), pixels),
        "control-that-is-cut.png": _png(16, 16, count(1), png_chunk(b"fcTL", b"\0"), pixels),
        "one-frame.webp": webp(0),
        "one-frame-outside.webp": webp(1000),
    }


def main() -> None:
    """Write the corpus to a folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in corpus().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
