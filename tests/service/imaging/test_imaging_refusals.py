from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from relight.errors import (
    ImageAnimated,
    ImageCorrupt,
    ImageError,
    ImageTooLarge,
    ImageTooSmall,
    InvalidOption,
    UnsupportedMediaType,
)
from service.imaging import ImageLimits, Photo, decode, encode
from service.imaging.formats import ANSWER_FORMATS
from tests.service.pictures import LIMITS, P3, corners, noise, png_chunk, saved

# What files of each format begin with.
STARTS = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x10\0\0\0WEBP",
    b"\0\0\0\x20ftypavif",
    b"\0\0\0\x20ftypheic",
    b"II*\0",
    b"MM\0*",
]


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_truncated_file_is_corrupt(format_name, kept):
    data = saved(Image.fromarray(noise(64, 64)), format_name)
    with pytest.raises(ImageCorrupt, match=f"{format_name} data are broken"):
        decode(data[: int(len(data) * kept)], LIMITS)


@pytest.mark.parametrize("size", [(60_000, 60_000), (3_000_000, 3)])
def test_a_bomb_is_refused_by_its_header(size):
    header = png_chunk(b"IHDR", struct.pack(">2I5B", *size, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(ImageTooLarge):
        decode(bomb + png_chunk(b"IEND", b""), LIMITS)


def test_a_webp_bomb_is_refused_by_its_header():
    canvas = (16_383 - 1).to_bytes(3, "little") * 2
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    data = b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk
    with pytest.raises(ImageTooLarge):
        decode(data, LIMITS)


def test_limits_are_inclusive():
    data = saved(Image.fromarray(noise(10, 20)))
    assert decode(data, ImageLimits(200, 20, 10)).width_px == 20
    for limits, error in [
        (ImageLimits(199, 20, 10), ImageTooLarge),
        (ImageLimits(200, 19, 10), ImageTooLarge),
        (ImageLimits(200, 20, 11), ImageTooSmall),
    ]:
        with pytest.raises(error, match="20 x 10"):
            decode(data, limits)


@pytest.mark.parametrize("format_name", ["png", "webp"])
def test_animations_are_refused(format_name):
    frames = [Image.fromarray(noise(seed=seed)) for seed in range(3)]
    data = saved(frames[0], format_name, save_all=True, append_images=frames[1:])
    with pytest.raises(ImageAnimated):
        decode(data, LIMITS)


def test_an_animated_gif_is_of_no_known_format():
    frames = [Image.fromarray(noise(seed=seed)) for seed in range(3)]
    with pytest.raises(UnsupportedMediaType):
        decode(saved(frames[0], "gif", save_all=True, append_images=frames[1:]), LIMITS)


def test_a_phones_mpo_is_the_jpeg_that_it_begins_with():
    first, second = Image.new("RGB", (32, 24), "red"), Image.new("RGB", (32, 24), "blue")
    photo = decode(saved(first, "mpo", save_all=True, append_images=[second]), LIMITS)
    assert photo.format == "jpeg"
    assert photo.pixels[0, 0, 0] > 250
    assert b"MPF" not in encode(photo, "jpeg", keep_metadata=True)


@given(st.binary(max_size=300), st.sampled_from([b"", *STARTS]))
@pytest.mark.filterwarnings("ignore")
def test_random_bytes_are_refused(data, magic):
    with pytest.raises(ImageError):
        decode(magic + data, LIMITS)


@given(st.data(), st.sampled_from(ANSWER_FORMATS))
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_is_a_photo_or_an_image_error(data, format_name):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ExifImageWidth: 48}
    file = bytearray(saved(corners(), format_name, exif=exif, icc_profile=P3))
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    try:
        photo = decode(bytes(file), LIMITS)
    except ImageError:
        return
    assert photo.width_px * photo.height_px <= LIMITS.max_pixels
    assert encode(photo, format_name, keep_metadata=True)


def test_a_side_that_the_format_can_not_hold_is_refused():
    photo = Photo(pixels=np.zeros((4, 17_000, 3), np.uint8), format="png")
    with pytest.raises(InvalidOption, match="at most 16383"):
        encode(photo, "webp")
