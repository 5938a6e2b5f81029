"""What the chunks of a PNG say."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from relight.errors import ImageTooLarge, UnsupportedMediaType
from service.imaging import decode, encode
from service.imaging.formats import ANSWER_FORMATS
from service.imaging.png import inspect
from service.imaging.profiles import to_srgb
from tests.service.pictures import LIMITS, P3, corners, noise, png_chunk, saved

GRAY, RGB = 0, 2
TEXT = zlib.compress(noise(700, 700).tobytes().hex().encode())


def png(pixels, colour_type=RGB, *chunks: bytes, depth=8, after: bytes = b"") -> bytes:
    """Write PNG by its specification, packing grey samples of few bits."""
    height_px, width_px = pixels.shape[:2]
    header = struct.pack(">2I5B", width_px, height_px, depth, colour_type, 0, 0, 0)
    if depth < 8:
        bits = np.unpackbits(pixels[..., None], axis=2, bitorder="big")[..., -depth:]
        rows = np.packbits(bits.reshape(height_px, -1), axis=1)
    else:
        rows = pixels.astype(">u2" if depth == 16 else np.uint8)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + b"".join(chunks)
        + png_chunk(b"IDAT", data)
        + after
        + png_chunk(b"IEND", b"")
    )


@given(st.sampled_from([1, 2, 4, 8, 16]), st.data())
def test_the_transparent_gray_is_a_sample_of_the_files_own_depth(depth, data):
    top = (1 << depth) - 1
    key, other = data.draw(st.integers(0, top)), data.draw(st.integers(0, top))
    samples = np.full((8, 16), other, np.uint16 if depth == 16 else np.uint8)
    samples[:, :8] = key
    photo = decode(
        png(samples, GRAY, png_chunk(b"tRNS", struct.pack(">H", key)), depth=depth), LIMITS
    )
    white = 65535 if depth == 16 else 255
    assert photo.alpha is not None
    assert photo.alpha[0, 0] == 0
    assert photo.alpha[0, 12] == (0 if other == key else white)
    assert photo.pixels[0, 0, 0] == key * white // top


def test_the_transparent_colour_has_8_bits_of_its_16_in_a_file_of_8():
    trns = png_chunk(b"tRNS", struct.pack(">3H", 0x101, 2, 3))
    alpha = decode(png(np.full((8, 8, 3), (1, 2, 3)), RGB, trns), LIMITS).alpha
    assert alpha is not None
    assert not alpha.any()


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"zTXt", b"Raw profile type 8bim\0\0" + TEXT),
        png_chunk(b"iTXt", b"Comment\0\1\0\0\0" + TEXT),
        png_chunk(b"tEXt", b"Comment\0" + bytes(70_000_000)),
        png_chunk(b"zTXt", b"Comment\0\7"),
        png_chunk(b"zTXt", b"Raw profile type exif\0\0" + TEXT),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + TEXT),
        png_chunk(b"iCCP", b"broken\0\0" + TEXT[:100]),
        png_chunk(b"iCCP", b"unknown method\0\7"),
    ],
)
@pytest.mark.parametrize("depth", [8, 16])
def test_an_unreadable_text_or_profile_spoils_no_picture(chunk, depth):
    pixels = noise()
    for data in (png(pixels, RGB, chunk, depth=depth), png(pixels, RGB, depth=depth, after=chunk)):
        np.testing.assert_array_equal(decode(data, LIMITS).pixels, pixels)


def test_too_many_texts_are_not_all_held():
    text = png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(250_000)))
    data = png(noise(), RGB, *[text] * 1_000)
    assert len(inspect(data).data) < len(data) / 20
    np.testing.assert_array_equal(decode(data, LIMITS).pixels, noise())


def test_a_long_profile_is_kept_up_to_the_limit():
    photo = decode(saved(corners(), icc_profile=P3 + noise(1000, 700).tobytes()), LIMITS)
    assert photo.icc_profile is not None
    assert len(photo.icc_profile) > 2_000_000
    with pytest.raises(ImageTooLarge, match="profile"):
        decode(saved(corners(), icc_profile=P3 + bytes(5_000_000)), LIMITS)


@pytest.mark.parametrize("depth", [8, 16])
def test_orientation_is_read_at_any_position(depth):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    chunk = png_chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    text = b"\nexif\n1\n" + exif.tobytes().hex().encode()
    older = png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    for data in (
        png(noise(), RGB, chunk, depth=depth),
        png(noise(), RGB, depth=depth, after=chunk),
        png(noise(), RGB, older, depth=depth),
    ):
        assert decode(data, LIMITS).pixels.shape[:2] == (32, 24)


P3_CHRM = png_chunk(
    b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
)


def gama(gamma: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(gamma * 1e5)))


def shown(data: bytes) -> tuple[int, ...]:
    """Return the first pixel as a colour-managed viewer shows it."""
    photo = decode(data, LIMITS)
    pixel = photo.pixels[:1, :1].astype(np.float32) / photo.white
    return tuple(np.rint(to_srgb(pixel, photo.icc_profile)[0, 0] * 255).astype(int))


# What Chromium 156 draws of the numbers (200, 60, 60).
@pytest.mark.parametrize(
    ("chunks", "drawn"),
    [
        ([], (200, 60, 60)),
        ([png_chunk(b"cICP", bytes((1, 13, 0, 1)))], (200, 60, 60)),
        ([png_chunk(b"cICP", bytes((1, 1, 0, 1)))], (197, 49, 49)),
        ([png_chunk(b"cICP", bytes((1, 4, 0, 1)))], (201, 57, 57)),
        ([png_chunk(b"cICP", bytes((1, 5, 0, 1)))], (189, 36, 36)),
        ([png_chunk(b"cICP", bytes((1, 7, 0, 1)))], (206, 77, 77)),
        ([png_chunk(b"cICP", bytes((1, 8, 0, 1)))], (229, 133, 133)),
        ([png_chunk(b"cICP", bytes((1, 17, 0, 1)))], (200, 44, 44)),
        ([png_chunk(b"cICP", bytes((11, 17, 0, 1)))], (213, 8, 33)),
        ([png_chunk(b"cICP", bytes((12, 13, 0, 1)))], (217, 42, 52)),
        ([png_chunk(b"cICP", bytes((12, 2, 0, 1)))], (200, 60, 60)),
        ([png_chunk(b"cICP", bytes((2, 13, 0, 1)))], (200, 60, 60)),
        ([png_chunk(b"cICP", bytes((12, 13, 0, 1))), gama(1.0)], (217, 42, 52)),
        ([gama(1.0)], (229, 133, 133)),
        ([gama(0.45455)], (200, 60, 60)),
        ([gama(0.55556)], (210, 77, 77)),
        ([gama(0)], (200, 60, 60)),
        ([P3_CHRM], (200, 60, 60)),
        ([P3_CHRM, gama(0.45455)], (219, 37, 49)),
        ([png_chunk(b"sRGB", b"\0"), gama(1.0)], (200, 60, 60)),
        ([png_chunk(b"cHRM", bytes(32)), gama(1.0)], (229, 133, 133)),
    ],
)
@pytest.mark.parametrize("depth", [8, 16])
def test_the_colours_are_those_that_the_file_describes(chunks, drawn, depth):
    pixels = np.full((8, 8, 3), (200, 60, 60)) * (257 if depth == 16 else 1)
    np.testing.assert_allclose(shown(png(pixels, RGB, *chunks, depth=depth)), drawn, atol=2)


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
@pytest.mark.parametrize("chunk", [png_chunk(b"cICP", bytes((9, 13, 0, 1))), gama(1.0)])
def test_the_answer_describes_its_colours(chunk, format_name):
    first = decode(png(noise(), RGB, chunk), LIMITS)
    again = decode(encode(first, format_name), LIMITS)
    assert again.icc_profile == first.icc_profile is not None


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_gray_of_another_curve_looks_the_same_in_every_format(format_name):
    first = png(np.full((16, 16), 128, np.uint8), GRAY, gama(1.0))
    again = encode(decode(first, LIMITS), format_name)
    np.testing.assert_allclose(shown(again), shown(first), atol=2)
    np.testing.assert_allclose(shown(first), 188, atol=1)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_refused_even_beside_a_profile(transfer, name):
    iccp = png_chunk(b"iCCP", b"P3\0\0" + zlib.compress(P3))
    with pytest.raises(UnsupportedMediaType, match=name):
        decode(png(noise(), RGB, png_chunk(b"cICP", bytes((9, transfer, 0, 1))), iccp), LIMITS)


def test_code_points_win_over_a_profile():
    chunks = png_chunk(b"iCCP", b"P3\0\0" + zlib.compress(P3)), png_chunk(b"cICP", b"\1\15\0\1")
    assert decode(png(noise(), RGB, *chunks), LIMITS).icc_profile is None


@given(st.lists(st.integers(0, 2**32 - 1), min_size=8, max_size=8), st.integers(0, 2**32 - 1))
def test_any_chromaticities_and_gamma_give_a_sound_profile_or_none(numbers, gamma):
    chunks = (
        png_chunk(b"cHRM", struct.pack(">8I", *numbers)),
        png_chunk(b"gAMA", struct.pack(">I", gamma)),
    )
    assert decode(png(noise(), RGB, *chunks), LIMITS).width_px == 32


def test_pixels_of_16_bits_are_read_once(monkeypatch):
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", lambda self: pytest.fail("loaded"))
    photo = decode(png(noise(), RGB, depth=16), LIMITS)
    assert encode(photo, "png")
