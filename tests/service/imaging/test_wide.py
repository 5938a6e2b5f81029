from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image

from relight.errors import ImageCorrupt, UnsupportedMediaType
from service.imaging import Photo, decode, encode
from tests.service.icc_profiles import gray_profile
from tests.service.pictures import LIMITS, P3, png_chunk

GRAY, RGB, GRAY_ALPHA, RGB_ALPHA = 0, 2, 4, 6  # PNG's colour types


def wide_noise(channels=3, height_px=20, width_px=30):
    rng = np.random.default_rng(channels)
    return rng.integers(0, 65536, (height_px, width_px, channels), dtype=np.uint16)


def wide_png(samples, colour_type, *chunks: bytes) -> bytes:
    """Write PNG by its specification, so that no code under test has a part in it."""
    height_px, width_px = samples.shape[:2]
    header = struct.pack(">2I5B", width_px, height_px, 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + b"".join(chunks)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def wide_tiff(samples, **options) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, samples, **options)
    return file.getvalue()


def as_rgb(samples):
    colour = samples[..., :3] if samples.shape[2] >= 3 else samples[..., :1]
    return np.broadcast_to(colour, (*samples.shape[:2], 3))


@pytest.mark.parametrize("format_name", ["png", "tiff"])
@pytest.mark.parametrize("colour_type", [GRAY, RGB, GRAY_ALPHA, RGB_ALPHA])
def test_16_bits_come_in_and_go_out_bit_exact(colour_type, format_name):
    samples = wide_noise({GRAY: 1, RGB: 3, GRAY_ALPHA: 2, RGB_ALPHA: 4}[colour_type])
    first = decode(wide_png(samples, colour_type), LIMITS)
    again = decode(encode(first, format_name), LIMITS)
    for photo in (first, again):
        assert photo.pixels.dtype == np.uint16
        np.testing.assert_array_equal(photo.pixels, as_rgb(samples))
        if colour_type in {GRAY_ALPHA, RGB_ALPHA}:
            np.testing.assert_array_equal(photo.alpha, samples[..., -1])
        else:
            assert photo.alpha is None
    assert first.is_gray == (colour_type in {GRAY, GRAY_ALPHA})


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "rgb"},
        {"photometric": "rgb", "byteorder": ">"},
        {"photometric": "rgb", "tile": (16, 16)},
        {"photometric": "rgb", "compression": "zlib", "predictor": True},
    ],
)
def test_16_bit_tiff_is_read_in_every_layout(options):
    samples = wide_noise()
    photo = decode(wide_tiff(samples, **options), LIMITS)
    np.testing.assert_array_equal(photo.pixels, samples)


def test_16_bit_tiff_with_white_as_zero_is_not_a_negative():
    samples = wide_noise(1)
    photo = decode(wide_tiff(samples[..., 0], photometric="miniswhite"), LIMITS)
    np.testing.assert_array_equal(photo.pixels, 65535 - as_rgb(samples))


def test_other_programs_read_the_16_bit_tiff_that_we_write():
    samples = wide_noise(4, 600, 400)  # several strips
    photo = Photo(pixels=samples[..., :3], alpha=samples[..., 3], format="png", icc_profile=P3)
    with tifffile.TiffFile(BytesIO(encode(photo, "tiff"))) as file:
        (page,) = file.pages
        np.testing.assert_array_equal(page.asarray(), samples)
        assert page.iccprofile == P3


@pytest.mark.parametrize(
    ("samples", "options"),
    [
        (wide_noise().transpose(2, 0, 1), {"photometric": "rgb", "planarconfig": "separate"}),
        (wide_noise(4), {"photometric": "rgb", "extrasamples": ["assocalpha"]}),
        (wide_noise(2), {"photometric": "minisblack", "extrasamples": ["unassalpha"]}),
        (np.zeros((8, 8), np.float32), {}),
        (np.zeros((8, 8, 3), np.float32), {"photometric": "rgb"}),
        (np.zeros((8, 8), np.int32), {}),
    ],
)
def test_tiff_that_no_decoder_reads_is_refused_as_unsupported(samples, options):
    with pytest.raises(UnsupportedMediaType):
        decode(wide_tiff(samples, **options), LIMITS)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("write", [lambda x: wide_png(x, RGB), wide_tiff])
def test_a_truncated_16_bit_file_is_corrupt(write, kept):
    data = write(wide_noise(3, 64, 64))
    with pytest.raises(ImageCorrupt):
        decode(data[: int(len(data) * kept)], LIMITS)


def test_a_png_whose_header_is_not_first_is_corrupt():
    data = wide_png(wide_noise(), RGB)
    moved = data[:8] + png_chunk(b"tEXt", b"a\0b") + data[8:]
    with pytest.raises(ImageCorrupt):
        decode(moved, LIMITS)


def test_the_transparent_colour_becomes_alpha():
    gray, colour = np.full((8, 8, 1), 1000, np.uint16), np.full((8, 8, 3), 1000, np.uint16)
    gray[1, 1], colour[1, 1] = 5, (5, 6, 7)
    for data in (
        wide_png(gray, GRAY, png_chunk(b"tRNS", struct.pack(">H", 5))),
        wide_png(colour, RGB, png_chunk(b"tRNS", struct.pack(">3H", 5, 6, 7))),
    ):
        alpha = decode(data, LIMITS).alpha
        assert alpha is not None
        assert alpha[1, 1] == 0
        assert np.count_nonzero(alpha == 65535) == 63


def test_the_profile_goes_along_in_16_bits():
    profile = png_chunk(b"iCCP", b"P3\0\0" + zlib.compress(P3))
    photo = decode(wide_png(wide_noise(), RGB, profile), LIMITS)
    assert photo.icc_profile == P3
    for format_name in ("png", "tiff"):
        assert decode(encode(photo, format_name), LIMITS).icc_profile == P3
    linear = gray_profile(1.0)
    profile = png_chunk(b"iCCP", b"linear\0\0" + zlib.compress(linear))
    gray = decode(wide_png(wide_noise(1), GRAY, profile), LIMITS)
    assert decode(encode(gray, "tiff"), LIMITS).icc_profile == linear


def test_formats_of_8_bits_round_to_the_nearest_code():
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    photo = Photo(pixels=np.repeat(ramp, 3, axis=2), format="png", is_gray=True)
    with Image.open(BytesIO(encode(photo, "webp", quality=100))) as image:
        assert np.abs(np.asarray(image)[..., 1] - ramp[..., 0] / 257).max() < 4
    with Image.open(BytesIO(encode(photo, "jpeg", quality=100))) as image:
        assert np.abs(np.asarray(image) - np.rint(ramp[..., 0] / 257)).max() <= 1
