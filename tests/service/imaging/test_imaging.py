from __future__ import annotations

import dataclasses
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from service.imaging import Photo, decode, encode
from service.imaging.formats import ANSWER_FORMATS
from tests.service.icc_profiles import cmyk_profile, gray_profile
from tests.service.pictures import LIMITS, P3, corners, noise, saved

# --- pixels survive -------------------------------------------------------------------


@given(st.integers(4, 40), st.integers(4, 40), st.booleans(), st.integers(0, 9))
def test_a_lossless_round_trip_is_bit_exact(height_px, width_px, has_alpha, seed):
    pixels = noise(height_px, width_px, 4 if has_alpha else 3, seed)
    photo = decode(saved(Image.fromarray(pixels)), LIMITS)
    again = decode(encode(photo, "png"), LIMITS)
    for one in (photo, again):
        assert (one.width_px, one.height_px) == (width_px, height_px)
        np.testing.assert_array_equal(one.pixels, pixels[..., :3])
        assert (one.alpha is not None) == has_alpha
        if one.alpha is not None:
            np.testing.assert_array_equal(one.alpha, pixels[..., 3])


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_every_format_gives_the_same_size_and_nearly_the_same_picture(format_name):
    photo = Photo(pixels=np.asarray(corners()), format="png")
    again = decode(encode(photo, format_name), LIMITS)
    assert again.format == format_name
    assert again.pixels.shape == photo.pixels.shape
    assert np.abs(again.pixels.astype(int) - photo.pixels).mean() < 5


def test_jpeg_is_baseline_without_chroma_subsampling():
    with Image.open(BytesIO(encode(Photo(pixels=noise(), format="png"), "jpeg"))) as image:
        assert not image.info.get("progressive")
        assert {(h, v) for _, h, v, _ in image.layer} == {(1, 1)}


@pytest.mark.parametrize("format_name", ["jpeg", "webp"])
def test_quality_buys_fidelity_for_bytes(format_name):
    photo = Photo(pixels=noise(64, 64), format="png")
    assert len(encode(photo, format_name, quality=30)) < len(encode(photo, format_name))
    assert len(encode(photo, format_name)) < len(encode(photo, format_name, quality=98))


# --- orientation ----------------------------------------------------------------------

# How a camera would have stored the upright picture for each orientation (EXIF 2.3, 4.6.4).
STORED = {
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, 1),
    7: lambda x: np.rot90(x.swapaxes(0, 1), 2),
    8: lambda x: np.rot90(x, -1),
}


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
@pytest.mark.parametrize("orientation", STORED)
def test_pictures_come_out_upright(orientation, format_name):
    upright = np.asarray(corners())
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Camera"
    photo = decode(saved(stored, format_name, exif=exif), LIMITS)
    assert photo.pixels.shape == upright.shape
    assert np.abs(photo.pixels.astype(int) - upright).mean() < 6
    with Image.open(BytesIO(encode(photo, format_name, keep_metadata=True))) as image:
        assert ExifTags.Base.Orientation not in image.getexif()
        assert image.getexif()[ExifTags.Base.Make] == "Camera"


def test_alpha_turns_with_the_picture():
    pixels = noise(10, 20, 4)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photo = decode(saved(Image.fromarray(pixels), exif=exif), LIMITS)
    np.testing.assert_array_equal(photo.alpha, np.rot90(pixels[..., 3], -1))


# --- metadata -------------------------------------------------------------------------


def photo_with_exif(format_name="jpeg"):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "Somebody"
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.ExifImageWidth: 48,
        ExifTags.Base.ExifImageHeight: 32,
        ExifTags.Base.ISOSpeedRatings: 200,
    }
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    return decode(saved(corners(), format_name, exif=exif), LIMITS)


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_metadata_are_kept_when_asked(format_name):
    with Image.open(BytesIO(encode(photo_with_exif(), format_name, keep_metadata=True))) as image:
        exif = image.getexif()
        assert exif[ExifTags.Base.Artist] == "Somebody"
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
        tags = exif.get_ifd(ExifTags.IFD.Exif)
        assert tags[ExifTags.Base.ISOSpeedRatings] == 200
        size = tags[ExifTags.Base.ExifImageWidth], tags[ExifTags.Base.ExifImageHeight]
        assert size == image.size == (32, 48)


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_metadata_are_stripped_by_default(format_name):
    data = encode(photo_with_exif(), format_name)
    assert b"Somebody" not in data
    assert b"GPS" not in data
    with Image.open(BytesIO(data)) as image:
        exif = image.getexif()
        assert not {ExifTags.Base.Artist, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo} & exif.keys()


@pytest.mark.filterwarnings("ignore:.*EXIF:UserWarning")
@pytest.mark.parametrize("exif", [b"Exif\0\0broken", b"Exif\0\0MM\0*\0\0\0\x08\0\xff\x01", b"x"])
def test_broken_metadata_do_not_spoil_a_good_picture(exif):
    photo = decode(saved(corners(), "jpeg", exif=exif), LIMITS)
    assert photo.width_px == 48
    assert photo.exif is None


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_metadata_too_long_for_jpeg_lose_the_longest_tags_there_alone(format_name):
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Somebody"
    exif[ExifTags.Base.ImageDescription] = "x" * 70_000
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.MakerNote: bytes(70_000)}
    photo = decode(saved(corners(), exif=exif), LIMITS)
    with Image.open(BytesIO(encode(photo, format_name, keep_metadata=True))) as image:
        kept = image.getexif()
    assert kept[ExifTags.Base.Artist] == "Somebody"
    is_kept = format_name != "jpeg"
    assert (ExifTags.Base.ImageDescription in kept) == is_kept
    assert (ExifTags.Base.MakerNote in kept.get_ifd(ExifTags.IFD.Exif)) == is_kept


# --- colour ---------------------------------------------------------------------------


@pytest.mark.parametrize("format_name", ANSWER_FORMATS)
def test_the_colour_profile_goes_along(format_name):
    photo = decode(saved(corners(), format_name, icc_profile=P3), LIMITS)
    assert photo.icc_profile == P3
    assert decode(encode(photo, format_name), LIMITS).icc_profile == P3


def test_a_broken_profile_is_ignored():
    photo = decode(saved(corners(), icc_profile=b"nonsense" * 40), LIMITS)
    assert photo.icc_profile is None
    np.testing.assert_array_equal(photo.pixels, np.asarray(corners()))


def test_cmyk_is_read_through_its_profile_or_by_the_plain_formula():
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    plain = decode(saved(cyan, "jpeg", quality=100), LIMITS)
    np.testing.assert_allclose(plain.pixels[8, 8], (0, 255, 255), atol=2)
    managed = decode(saved(cyan, "jpeg", quality=100, icc_profile=cmyk_profile()), LIMITS)
    assert managed.pixels[8, 8].max() < 80
    assert managed.icc_profile is None


@pytest.mark.parametrize("format_name", ["png", "jpeg", "tiff"])
def test_gray_comes_back_in_its_own_profile(format_name):
    linear = gray_profile(1.0)
    photo = decode(saved(Image.new("L", (8, 8), 128), icc_profile=linear), LIMITS)
    np.testing.assert_allclose(photo.pixels, 128)
    assert photo.is_gray
    with Image.open(BytesIO(encode(photo, format_name))) as image:
        assert (image.mode, image.info["icc_profile"]) == ("L", linear)


@pytest.mark.parametrize("format_name", ["webp", "avif"])
def test_a_format_without_gray_shows_gray_of_another_profile_in_srgb(format_name):
    photo = decode(saved(Image.new("L", (8, 8), 128), icc_profile=gray_profile(1.0)), LIMITS)
    again = decode(encode(photo, format_name), LIMITS)
    np.testing.assert_allclose(again.pixels, 188, atol=2)
    assert again.icc_profile is None


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA"])
def test_every_mode_shows_the_same_picture(mode):
    gray = np.where(noise(20, 30, 1)[..., 0] > 127, 255, 0).astype(np.uint8)
    if mode == "PA":  # PNG has it as palette with transparency
        data = saved(Image.fromarray(gray).convert("P"), transparency=7)
    else:
        data = saved(Image.fromarray(gray).convert(mode))
    photo = decode(data, LIMITS)
    np.testing.assert_array_equal(photo.pixels, np.repeat(gray[..., None], 3, axis=2))
    assert photo.is_gray == (mode in {"1", "L", "LA"})
    assert (photo.alpha is not None) == (mode in {"LA", "PA", "RGBA"})


def test_the_transparent_colour_of_a_png_becomes_alpha():
    pixels = noise(8, 8)
    pixels[2, 3] = (1, 2, 3)
    photo = decode(saved(Image.fromarray(pixels), transparency=(1, 2, 3)), LIMITS)
    assert photo.alpha is not None
    assert photo.alpha[2, 3] == 0
    assert photo.alpha[2, 4] == 255


def test_gray_stays_gray_in_the_file_until_it_gets_colour():
    photo = decode(saved(Image.fromarray(noise(channels=1)[..., 0]), "jpeg"), LIMITS)
    with Image.open(BytesIO(encode(photo, "png"))) as image:
        assert image.mode == "L"
    coloured = dataclasses.replace(photo, pixels=noise(), is_gray=False)
    with Image.open(BytesIO(encode(coloured, "png"))) as image:
        assert image.mode == "RGB"


@pytest.mark.parametrize("format_name", ["png", "webp"])
def test_alpha_comes_back_untouched(format_name):
    photo = decode(saved(Image.fromarray(noise(channels=4))), LIMITS)
    again = decode(encode(photo, format_name), LIMITS)
    np.testing.assert_array_equal(again.alpha, photo.alpha)


def test_a_format_without_alpha_shows_the_picture_on_white():
    pixels = np.zeros((16, 32, 4), np.uint8)
    pixels[:, 16:, 3] = 255
    photo = decode(saved(Image.fromarray(pixels)), LIMITS)
    flat = decode(encode(photo, "jpeg"), LIMITS)
    assert flat.alpha is None
    assert flat.pixels[:, :12].min() > 250
    assert flat.pixels[:, 20:].max() < 5


def test_a_large_noisy_picture_can_be_written_as_webp():
    """Libwebp's fastest methods give up on it: their first partition overflows."""
    photo = Photo(pixels=np.tile(noise(420, 420), (10, 10, 1)), format="png")
    assert encode(photo, "webp").startswith(b"RIFF")
