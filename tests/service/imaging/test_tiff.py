"""TIFF as cameras, scanners and microscopes write it: the right pixels, or a clear no."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from relight.errors import ImageAnimated, ImageCorrupt, UnsupportedMediaType
from service.imaging import decode
from service.imaging.tiff import check
from tests.service.imaging.tiff_files import (
    BITS,
    BYTES,
    CFA,
    COMPRESSION,
    DNG_VERSION,
    LINEAR_RAW,
    NEXT_DIRECTORIES,
    PHOTOMETRIC,
    ROWS,
    SAMPLES,
    STRIP,
    SUBFILE,
    plain,
    tiff,
)
from tests.service.peak import peak_growth
from tests.service.pictures import LIMITS, corners, noise, saved


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("directories", "chained"),
    [
        ([plain() | {DNG_VERSION: (0x0401,)}], False),
        ([plain(photometric=CFA)], False),
        ([plain(photometric=LINEAR_RAW)], False),
        ([plain() | {NEXT_DIRECTORIES: (1,)}, plain(640, 480, CFA)], False),
        ([plain() | {NEXT_DIRECTORIES: (1, 2)}, plain(8, 8), plain(640, 480, CFA)], False),
        ([plain(), plain(640, 480, CFA)], True),
        ([plain() | {SUBFILE: (1,)}], False),
        ([plain() | {255: (2,)}], False),
        ([plain() | {SUBFILE: (1,)}, plain(640, 480)], True),
    ],
)
def test_a_preview_is_never_taken_for_the_photo(directories, chained, order):
    with pytest.raises(UnsupportedMediaType, match=r"camera raw.*send"):
        decode(tiff(*directories, order=order, chained=chained), LIMITS)


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + tiff(plain())[8:], "CR2"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "CR3"),
        (b"FUJIFILMCCD-RAW 0201", "RAF"),
        (b"IIRO\x08\0\0\0", "ORF"),
        (b"IIU\0\x18\0\0\0", "RW2"),
        (b"FOVb\0\0\2\0", "X3F"),
    ],
)
def test_a_camera_raw_file_is_called_by_its_name(start, name):
    with pytest.raises(UnsupportedMediaType, match=rf"{name}.*develop.*JPEG"):
        decode(start + bytes(300), LIMITS)


def test_too_many_directories_are_not_all_read():
    endless = dict.fromkeys(range(1000, 5000), (0,) * 64) | {NEXT_DIRECTORIES: (0,) * 64}
    data = tiff(plain() | endless)
    with peak_growth() as growth:
        check(data)
    assert growth.num_bytes < 4_000_000


def test_directories_of_more_tags_than_any_picture_has_are_refused_or_left_unread():
    tags = dict.fromkeys(range(1_000, 6_000), (0,))
    with pytest.raises(ImageCorrupt, match="more than 4096 tags"):
        decode(tiff(plain() | tags) + bytes(64 * 48 * 3), LIMITS)
    preview = plain(640, 480, CFA) | tags
    whole = tiff(plain() | {NEXT_DIRECTORIES: (1,)}, preview) + bytes(64 * 48 * 3)
    assert decode(whole, LIMITS).width_px == 64


def test_pages_are_still_pages_and_smaller_versions_no_matter():
    with pytest.raises(ImageAnimated):
        decode(tiff(plain(), plain(), chained=True), LIMITS)
    with Image.open(BytesIO(saved(corners(), "tiff"))) as image:
        assert decode(saved(image, "tiff", tiffinfo={SUBFILE: 0}), LIMITS).width_px == 48


def written(samples: np.ndarray, **options) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, samples, **options)
    return file.getvalue()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("channels", "photometric", "extra"),
    [
        (4, "rgb", ["unspecified"]),
        (5, "rgb", ["unspecified"] * 2),
        (5, "rgb", ["unassalpha", "unspecified"]),
        (2, "minisblack", ["unspecified"]),
        (5, "separated", ["unspecified"]),
    ],
)
def test_a_channel_of_no_known_meaning_is_refused_in_every_depth(
    channels, photometric, extra, dtype
):
    samples = noise(20, 30, channels).astype(dtype)
    data = written(samples, photometric=photometric, extrasamples=extra, planarconfig="contig")
    with pytest.raises(UnsupportedMediaType, match="ExtraSamples"):
        decode(data, LIMITS)


def test_premultiplied_gray_is_divided_by_its_alpha():
    samples = np.dstack([np.tile(np.arange(64, dtype=np.uint8), (20, 1))] * 2)
    samples[..., 1] = 128
    photo = decode(written(samples, photometric="minisblack", extrasamples=["assocalpha"]), LIMITS)
    assert photo.is_gray
    np.testing.assert_allclose(photo.pixels[..., 0], samples[..., 0] * (255 / 128), atol=1)
    np.testing.assert_array_equal(photo.alpha, 128)


@pytest.mark.parametrize("is_inverted", [False, True])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "zstd", "lzma"])
def test_gray_of_16_bits_is_read_in_every_packing(compression, is_inverted):
    gray = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    tiffinfo = {PHOTOMETRIC: 0 if is_inverted else 1}
    options = {"compression": compression} if compression else {}
    data = saved(Image.fromarray(gray), "tiff", tiffinfo=tiffinfo, **options)
    photo = decode(data, LIMITS)
    expected = 65535 - gray if b"\x06\x01\x03\0\1\0\0\0\0\0" in data else gray
    np.testing.assert_array_equal(photo.pixels[..., 0], expected)


def test_gray_of_12_bits_keeps_them():
    ramp = np.tile(np.linspace(0, 4095, 64).round().astype(int), (48, 1))
    high, low = ramp[:, ::2], ramp[:, 1::2]
    packed = np.stack([high >> 4, (high & 15) << 4 | low >> 8, low & 255], axis=2).astype(np.uint8)
    tags = plain(photometric=1) | {BITS: (12,), SAMPLES: (1,), BYTES: (packed.nbytes,)}
    data = tiff(tags | {STRIP: (8 + 2 + 12 * len(tags) + 4,)}) + packed.tobytes()
    photo = decode(data, LIMITS)
    assert photo.pixels.dtype == np.uint16
    np.testing.assert_allclose(photo.pixels[..., 0], ramp * (65535 / 4095), atol=1)
    assert (photo.pixels.min(), photo.pixels.max()) == (0, 65535)


@pytest.mark.parametrize("compression", [50001, 34676, 32809, 33003, 50002])
def test_a_compression_that_is_not_read_is_not_called_broken(compression):
    with pytest.raises(UnsupportedMediaType, match=str(compression)):
        decode(tiff(plain() | {COMPRESSION: (compression,)}), LIMITS)


def with_wide_window(data: bytes, compression: str) -> bytes:
    """Let the first strip claim a window of 4 GB (LZMA), or of 128 MB, the most of Zstandard."""
    claiming = bytearray(data)
    at = Image.open(BytesIO(data)).tag_v2[STRIP][0]
    if compression == "zstd":
        claiming[at + 5] = (27 - 10) << 3  # RFC 8878, section 3.1.1.1.2
        return bytes(claiming)
    header, size = at + 12, 4 * (1 + data[at + 12])  # The .xz File Format, section 3.1
    claiming[data.index(b"\x21\x01", header) + 2] = 40
    end = header + size - 4
    claiming[end : end + 4] = struct.pack("<I", zlib.crc32(claiming[header:end]))
    return bytes(claiming)


@pytest.mark.parametrize("compression", ["lzma", "zstd"])
def test_a_window_that_a_strip_claims_takes_no_memory(compression):
    pixels = noise(512, 512)
    data = saved(Image.fromarray(pixels), "tiff", compression=compression)
    claiming = with_wide_window(data, compression)
    assert claiming != data
    with peak_growth() as peak:
        photo = decode(claiming, LIMITS)
    assert np.array_equal(photo.pixels, pixels)
    assert peak.num_bytes < 20_000_000


def test_16_bit_colour_in_a_compression_of_one_decoder_is_refused():
    data = bytearray(written(noise().astype(np.uint16), photometric="rgb"))
    entry = data.index(struct.pack("<2HI", COMPRESSION, 3, 1))
    data[entry + 8 : entry + 10] = struct.pack("<H", 50000)
    with pytest.raises(UnsupportedMediaType, match="16-bit RGB"):
        decode(bytes(data), LIMITS)


def test_cielab_is_shown_in_srgb():
    soft = corners().resize((96, 64), Image.Resampling.BICUBIC)
    rgb = Image.blend(soft, Image.new("RGB", soft.size, "gray"), 0.5)
    spaces = (ImageCms.createProfile(space) for space in ("sRGB", "LAB"))
    lab = ImageCms.profileToProfile(rgb, *spaces, outputMode="LAB")
    photo = decode(saved(lab, "tiff"), LIMITS)
    assert np.abs(photo.pixels.astype(int) - np.asarray(rgb)).mean() < 3


@pytest.mark.parametrize("num_pieces", [1_000, 900_000])
@pytest.mark.parametrize("tags", [(STRIP, BYTES), (324, 325)])
def test_more_strips_or_tiles_than_a_picture_can_have_are_refused_unread(num_pieces, tags):
    lies = plain() | dict.fromkeys(tags, (8,) * num_pieces)
    if STRIP not in tags:
        lies = {k: v for k, v in lies.items() if k not in {STRIP, BYTES, ROWS}}
        lies |= {322: (16,), 323: (16,)}
    data = tiff(lies) + bytes(10_000)
    with peak_growth() as peak, pytest.raises(ImageCorrupt, match="strips or tiles"):
        decode(data, LIMITS)
    assert peak.num_bytes < 40_000_000


@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
@pytest.mark.parametrize("tags", [(STRIP, BYTES), (324, 325)])
def test_strips_or_tiles_that_share_their_bytes_are_refused_undecoded(compression, tags):
    num_bytes, num_pieces = 500_000, 1_000
    lies = plain() | {259: (compression,), 257: (num_pieces,), ROWS: (1,)}
    lies |= {tags[0]: (8,) * num_pieces, tags[1]: (num_bytes,) * num_pieces}
    if STRIP not in tags:
        lies = {k: v for k, v in lies.items() if k not in {STRIP, BYTES, ROWS}}
        lies |= {322: (16,), 323: (16,)}
    with pytest.raises(ImageCorrupt, match="claim more bytes"):
        decode(tiff(lies) + bytes(num_bytes), LIMITS)


@pytest.mark.parametrize("kind", [13, 16, 17, 18])
def test_sizes_of_strips_are_checked_in_every_type_that_a_reader_takes(kind):
    data = bytearray(tiff(plain() | {ROWS: (1,), STRIP: (8,) * 48, BYTES: (9,) * 48}) + bytes(500))
    entry = data.index(struct.pack("<2HI", BYTES, 4, 48))
    data[entry + 2 : entry + 4] = struct.pack("<H", kind)
    with pytest.raises(ImageCorrupt, match="must be a number"):
        decode(bytes(data), LIMITS)


def test_empty_strips_may_share_their_bytes():
    pixels = np.zeros((255, 256, 3), np.uint8)  # three strips of 85 rows
    data = saved(Image.fromarray(pixels), "tiff", compression="tiff_adobe_deflate")
    with Image.open(BytesIO(data)) as file:
        starts, sizes = file.tag_v2[STRIP], file.tag_v2[BYTES]
    assert len(starts) > 1
    assert len({data[at : at + size] for at, size in zip(starts, sizes, strict=True)}) == 1
    shared = data.replace(
        struct.pack(f"<{len(starts)}I", *starts), struct.pack("<I", starts[0]) * len(starts)
    )
    assert shared != data
    assert (decode(shared, LIMITS).pixels == pixels).all()


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_the_smallest_strips_and_tiles_are_read(planar):
    pixels = noise(48, 64)
    for layout in ({"rowsperstrip": 1}, {"tile": (16, 16)}):
        file = BytesIO()
        stored = pixels if planar == "contig" else np.moveaxis(pixels, 2, 0)
        tifffile.imwrite(file, stored, photometric="rgb", planarconfig=planar, **layout)
        assert (decode(file.getvalue(), LIMITS).pixels == pixels).all()
