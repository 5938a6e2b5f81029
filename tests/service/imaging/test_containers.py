"""What a file claims costs nothing: decoders never see a length that the bytes do not hold."""

from __future__ import annotations

import contextlib
import struct
import zlib
from io import BytesIO

import cv2
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image

from relight.errors import ImageAnimated, ImageCorrupt, ImageError, ImageTooLarge
from service.imaging import ImageLimits, decode
from service.imaging.containers.coded import UnitCount, av1_sizes, hevc_size, hevc_sizes
from tests.service.peak import peak_growth
from tests.service.pictures import noise, png_chunk, saved

LIMITS = ImageLimits(max_pixels=50_000_000, max_side_px=16_384, min_side_px=4)
PNG = b"\x89PNG\r\n\x1a\n"
# More than any picture here takes, decoder's tables included; far less than any claim.
ENOUGH_BYTES = 40_000_000


def png(*chunks: bytes, depth: int = 16, colour: int = 2, side_px: int = 64) -> bytes:
    header = struct.pack(">2I5B", side_px, side_px, depth, colour, 0, 0, 0)
    return PNG + png_chunk(b"IHDR", header) + b"".join(chunks)


def heic(picture: Image.Image) -> bytes:
    file = BytesIO()
    pillow_heif.from_pillow(picture).save(file, quality=80)
    return file.getvalue()


def tiff_16(**options) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, noise(64, 64).astype(np.uint16), photometric="rgb", **options)
    return file.getvalue()


def tagged(data: bytes, tag: int, value: int) -> bytes:
    """Return a little-endian TIFF with another value of a tag that holds one number."""
    changed = bytearray(data)
    (start,) = struct.unpack_from("<I", data, 4)
    (num_tags,) = struct.unpack_from("<H", data, start)
    for position in range(start + 2, start + 2 + 12 * num_tags, 12):
        if struct.unpack_from("<H", data, position)[0] == tag:
            struct.pack_into("<HHII", changed, position, tag, 4, 1, value)
            return bytes(changed)
    raise AssertionError(f"no tag {tag}")


def sound() -> dict[str, bytes]:
    picture = Image.fromarray(noise(64, 64))
    files = {f"8-bit.{name}": saved(picture, name) for name in ("jpeg", "png", "webp", "tiff")}
    files["8-bit.avif"] = saved(picture, "avif", speed=10)
    files["lossless.webp"] = saved(picture.convert("RGBA"), "webp", lossless=True)
    files["lzw.tiff"] = saved(picture, "tiff", compression="tiff_lzw")
    files["progressive.jpeg"] = saved(picture, "jpeg", progressive=True)
    files["16-bit.png"] = cv2.imencode(".png", noise(64, 64).astype(np.uint16))[1].tobytes()
    files["16-bit.tiff"] = tiff_16()
    files["deflate-16.tiff"] = tiff_16(compression="zlib", predictor=2)
    files["tiles-16.tiff"] = tiff_16(tile=(32, 32))
    files["one.heic"] = heic(picture)
    return files


SOUND = sound()


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_is_read(name):
    assert decode(SOUND[name], LIMITS).width_px == 64


@pytest.mark.parametrize("claim", [b"\xff\xff\xff\xf0", b"\x7f\xff\xff\xff", b"\x00\xff\xff\xff"])
@pytest.mark.parametrize("name", SOUND)
@pytest.mark.filterwarnings("ignore")
def test_no_number_in_a_file_makes_a_decoder_take_memory(name, claim):
    data, step = SOUND[name], 1 if name.endswith(("avif", "heic")) else 2  # TIFF aligns to words
    end = min(len(data) - 4, 420)
    spots = [*range(4, end, step), *range(max(end, len(data) - 200), len(data) - 4, step)]
    with peak_growth() as peak:
        for position in spots:
            value = claim[::-1] if name.endswith(("tiff", "webp")) else claim
            broken = data[:position] + value + data[position + 4 :]
            with contextlib.suppress(ImageError):
                decode(broken, ImageLimits(1_000_000, 16_384, 4))
    assert peak.num_bytes < ENOUGH_BYTES


@pytest.mark.parametrize("num_bytes", [0x7FFFFFFF, 0xFFFFFFF0, 17])
@pytest.mark.parametrize("name", [b"IDAT", b"iCCP", b"zTXt", b"eXIf", b"fdAT", b"prVt"])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_png_chunk_that_claims_more_than_follows_is_corrupt(name, num_bytes, depth):
    data = png(depth=depth) + struct.pack(">I", num_bytes) + name + b"x" * 16
    with peak_growth() as peak, pytest.raises(ImageCorrupt, match="claims"):
        decode(data, LIMITS)
    assert peak.num_bytes < ENOUGH_BYTES


def test_text_beside_16_bit_pixels_is_not_inflated():
    text = [png_chunk(b"zTXt", b"k%d\0\0" % i + zlib.compress(bytes(900_000))) for i in range(60)]
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(64 * 385))) + png_chunk(b"IEND", b"")
    with peak_growth() as peak:
        decode(png(*text, pixels), LIMITS)
    assert peak.num_bytes < 2 * 60 * 900_000


@pytest.mark.parametrize("num_chunks", [1, 9])
def test_pixels_behind_the_last_row_are_not_inflated(num_chunks):
    def with_surplus(num_bytes: int) -> bytes:
        compressed = zlib.compress(bytes(64 * 385 + num_bytes))
        step = -(-len(compressed) // num_chunks)
        pieces = [compressed[at : at + step] for at in range(0, len(compressed), step)]
        return png(*(png_chunk(b"IDAT", piece) for piece in pieces), png_chunk(b"IEND", b""))

    assert decode(with_surplus(0), LIMITS).width_px == 64
    assert decode(with_surplus(1_000), LIMITS).width_px == 64
    with pytest.raises(ImageCorrupt, match="more than their rows need"):
        decode(with_surplus(100_000_000), LIMITS)


@pytest.mark.parametrize("colour", [0, 2])
def test_palettes_and_keys_beside_16_bit_pixels_fill_no_log(colour, capfd):
    samples = {0: 1, 2: 3}[colour]
    keys = [png_chunk(b"tRNS", bytes(2 * samples))] * 500
    palettes = [png_chunk(b"PLTE", bytes(768))] * 500
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(64 * (1 + 128 * samples))))
    photo = decode(png(*palettes, *keys, pixels, png_chunk(b"IEND", b""), colour=colour), LIMITS)
    assert photo.alpha is not None
    assert not photo.alpha.any()  # the key is black
    assert not capfd.readouterr().err


def test_rows_beyond_the_picture_are_not_allocated():
    strip = tiff_16(rowsperstrip=64, compression="zlib")
    with peak_growth() as peak:
        for rows in (65, 1_000_000, 2_500_000, 2**31 - 1, 2**32 - 1):
            assert (decode(tagged(strip, 278, rows), LIMITS).pixels == noise(64, 64)).all()
    assert peak.num_bytes < ENOUGH_BYTES


@pytest.mark.parametrize("side_px", [4_096, 7_056, 65_520])
def test_a_tile_far_larger_than_the_picture_is_refused(side_px):
    tiles = tiff_16(tile=(32, 32))
    with peak_growth() as peak, pytest.raises(ImageError):
        decode(tagged(tagged(tiles, 322, side_px), 323, side_px), LIMITS)
    assert peak.num_bytes < ENOUGH_BYTES


def test_a_webp_canvas_is_bounded_before_it_is_made():
    canvas = (9_999 - 1).to_bytes(3, "little") * 2  # 100 megapixels: Pillow alone would take it
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    chunk += b"VP8L" + struct.pack("<I", 6) + b"\x2f" + struct.pack("<I", 63 | 63 << 14) + b"\0"
    with peak_growth() as peak, pytest.raises(ImageTooLarge):
        decode(b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk, LIMITS)
    assert peak.num_bytes < ENOUGH_BYTES


def test_a_coded_size_counts_even_if_the_boxes_disagree():
    large = saved(Image.new("RGB", (4_096, 4_096)), "avif", speed=10)
    box = large.index(b"ispe")
    lie = large[: box + 8] + struct.pack(">II", 64, 64) + large[box + 16 :]
    with peak_growth() as peak, pytest.raises(ImageTooLarge):
        decode(lie, ImageLimits(1_000_000, 16_384, 4))
    assert peak.num_bytes < ENOUGH_BYTES


def test_a_parameter_set_counts_even_if_the_boxes_disagree():
    large = heic(Image.new("RGB", (1_200, 1_200)))
    data = bytearray(large)
    position = large.find(b"ispe")
    while position >= 0:
        struct.pack_into(">II", data, position + 8, 64, 64)
        position = large.find(b"ispe", position + 4)
    with pytest.raises(ImageTooLarge):
        decode(bytes(data), ImageLimits(1_000_000, 16_384, 4))


def test_a_sequence_is_refused():
    with pytest.raises(ImageAnimated):
        frames = [Image.fromarray(noise(seed=seed)) for seed in range(2)]
        data = saved(frames[0], "avif", save_all=True, append_images=frames[1:])
        decode(data, LIMITS)


@pytest.mark.parametrize("marker", [b"\xff\xe5\0\2", b"\xff\xe1\0\x09Exif\0\0x", b"\0" * 4])
def test_a_jpeg_of_endless_segments_is_refused_at_once(marker):
    data = saved(Image.fromarray(noise(64, 64)), "jpeg")
    with pytest.raises(ImageCorrupt):
        decode(data[:20] + marker * 100_000 + data[20:], LIMITS)  # behind the first segment


def test_a_second_frame_header_in_a_jpeg_is_refused():
    data = saved(Image.fromarray(noise(64, 64)), "jpeg")
    start = data.index(b"\xff\xc0")
    (num_bytes,) = struct.unpack_from(">H", data, start + 2)
    frame = bytearray(data[start : start + 2 + num_bytes])
    struct.pack_into(">HH", frame, 5, 60_000, 60_000)
    with pytest.raises(ImageCorrupt):
        decode(data[:start] + bytes(frame) + data[start:], LIMITS)


def test_pixels_of_a_tiff_lie_inside_the_file():
    with pytest.raises(ImageCorrupt):
        decode(tagged(saved(Image.fromarray(noise(64, 64)), "tiff"), 273, 2**31), LIMITS)


@pytest.mark.parametrize("size", [(64, 64), (257, 95), (4_000, 3)])
def test_av1_sizes_are_those_that_were_coded(size):
    data = saved(Image.new("RGB", size), "avif", speed=10)
    content = data[data.index(b"mdat") + 4 :]
    assert next(iter(av1_sizes(content, UnitCount()))) == size


@pytest.mark.parametrize("num_zeros", [33, 3_000])
def test_a_number_in_a_parameter_set_has_an_end(num_zeros):
    profile = bytes(13)  # no further layers, then profile and level
    number = ((1 << 8 * num_zeros) | 1).to_bytes(2 * num_zeros, "big")
    with pytest.raises(ImageCorrupt, match="without end"):
        list(hevc_size(b"\x42\1" + profile + number))


@pytest.mark.parametrize("sizes", [av1_sizes, lambda data, count: hevc_sizes(data, 1, count)])
def test_units_are_counted_across_all_items_of_a_file(sizes):
    count = UnitCount()
    units = b"\x7a\0" * 20_000  # of AV1: padding without content
    with pytest.raises(ImageCorrupt, match="units"):
        for _ in range(6):
            list(sizes(units if sizes is av1_sizes else bytes(20_000), count))


def test_an_hevc_unit_of_another_kind_has_no_size():
    assert list(hevc_size(b"\x40\x01\x0c")) == []
    assert list(hevc_size(b"")) == []


@pytest.mark.parametrize("kind", [3, 6])
def test_too_many_av1_frames_are_no_still_picture(kind):
    frame = bytes((kind << 3 | 2, 0))
    assert list(av1_sizes(frame * 4, UnitCount())) == []
    with pytest.raises(ImageAnimated):
        list(av1_sizes(frame * 1000, UnitCount()))


def test_too_many_hevc_pictures_are_no_still_picture():
    first, further = b"\0\0\0\3\x26\1\x80", b"\0\0\0\3\x26\1\0"
    assert list(hevc_sizes(first + further * 1000, 4, UnitCount())) == []
    with pytest.raises(ImageAnimated):
        list(hevc_sizes((first + further) * 1000, 4, UnitCount()))


def test_an_avif_that_repeats_its_frame_is_refused_before_it_is_decoded():
    sound = saved(Image.fromarray(noise(64, 64)), "avif")
    start = sound.index(b"mdat") + 4
    content = sound[start:]
    frame = content[content.index(b"\x32") :]  # from the unit with the frame to the end
    changed = bytearray(sound[: start - 8])
    old, new = len(content), content + frame * 500
    place = changed.index(struct.pack(">I", old), changed.index(b"iloc"))
    struct.pack_into(">I", changed, place, len(new))
    box = struct.pack(">I", 8 + len(new)) + b"mdat"
    with pytest.raises(ImageAnimated):
        decode(bytes(changed) + box + new, LIMITS)
