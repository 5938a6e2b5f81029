from __future__ import annotations

from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image

from relight.errors import ImageAnimated, ImageCorrupt, ImageTooLarge, UnsupportedMediaType
from service.imaging import decode, encode
from tests.service.imaging.heif_grids import FIRST_TILE, GRID, grid
from tests.service.pictures import LIMITS, P3, corners


def heic(*pictures: Image.Image, **options) -> bytes:
    """Write a file as a phone does."""
    file = pillow_heif.HeifFile()
    for picture in pictures:
        file.add_from_pillow(picture)
    data = BytesIO()
    file.save(data, quality=95, **options)
    return data.getvalue()


def large_corners() -> Image.Image:
    return corners().resize((192, 128), Image.Resampling.NEAREST)


def test_a_phones_heic_comes_back_as_jpeg_in_its_own_profile():
    picture = large_corners()
    picture.info["icc_profile"] = P3
    photo = decode(heic(picture), LIMITS)
    assert (photo.format, photo.width_px, photo.height_px) == ("heif", 192, 128)
    assert photo.icc_profile == P3
    assert np.abs(photo.pixels.astype(int) - np.asarray(picture)).mean() < 4
    assert decode(encode(photo, "jpeg"), LIMITS).icc_profile == P3


def test_a_turned_heic_is_turned_once():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Camera"
    picture = large_corners()
    photo = decode(heic(picture, exif=exif.tobytes()), LIMITS)
    upright = np.rot90(np.asarray(picture), -1)
    assert photo.pixels.shape == upright.shape
    assert np.abs(photo.pixels.astype(int) - upright).mean() < 4
    with Image.open(BytesIO(encode(photo, "jpeg", keep_metadata=True))) as image:
        assert image.getexif()[ExifTags.Base.Make] == "Camera"
        assert ExifTags.Base.Orientation not in image.getexif()


def test_transparency_is_read():
    picture = large_corners()
    picture.putalpha(Image.fromarray(np.tile(np.arange(192, dtype=np.uint8), (128, 1))))
    alpha = decode(heic(picture), LIMITS).alpha
    assert alpha is not None
    assert np.abs(alpha[64].astype(int) - np.arange(192)).mean() < 3


@pytest.mark.parametrize("primary", [0, 1])
def test_of_several_stills_in_one_file_the_primary_one_is_read(primary):
    stills = [large_corners(), Image.new("RGB", (96, 64), "gray")]
    photo = decode(heic(*stills, primary_index=primary), LIMITS)
    assert photo.pixels.shape[1::-1] == stills[primary].size
    assert np.abs(photo.pixels.astype(int) - np.asarray(stills[primary])).mean() < 4


@pytest.mark.parametrize("brand", [b"hevc", b"msf1"])
def test_an_image_sequence_is_refused(brand):
    data = heic(large_corners())
    with pytest.raises(ImageAnimated):
        decode(data[:8] + brand + data[12:], LIMITS)


def test_a_film_track_makes_a_sequence():
    with pytest.raises(ImageAnimated):
        decode(heic(large_corners()) + b"\0\0\0\x08moov", LIMITS)


@pytest.mark.parametrize("num_bits", [10, 12])
def test_deep_gray_comes_in_16_bits(num_bits, monkeypatch):
    monkeypatch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", num_bits == 12)
    ramp = np.tile(np.linspace(0, 65535, 96), (64, 1)).astype(np.uint16)
    data = BytesIO()
    pillow_heif.from_bytes("L;16", (96, 64), ramp.tobytes()).save(data, quality=-1)
    photo = decode(data.getvalue(), LIMITS)
    assert photo.is_gray
    assert photo.pixels.max() == 65535
    assert np.abs(photo.pixels[..., 0].astype(int) - ramp).max() < 65536 / 2**num_bits * 2


@pytest.mark.parametrize(("primaries", "transfer"), [(12, 13), (9, 13), (9, 14), (1, 8)])
def test_colours_that_a_file_describes_in_code_points_become_a_profile(primaries, transfer):
    options = {"color_primaries": primaries, "transfer_characteristics": transfer}
    photo = decode(heic(large_corners(), save_nclx_profile=True, **options), LIMITS)
    assert photo.icc_profile is not None
    assert decode(encode(photo, "jpeg"), LIMITS).icc_profile == photo.icc_profile


@pytest.mark.parametrize("transfer", [16, 18])
def test_high_dynamic_range_is_refused_by_its_name(transfer):
    options = {"color_primaries": 9, "transfer_characteristics": transfer}
    with pytest.raises(UnsupportedMediaType, match=r"PQ|HLG"):
        decode(heic(large_corners(), save_nclx_profile=True, **options), LIMITS)


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
def test_a_truncated_heic_is_corrupt(kept):
    data = heic(large_corners())
    with pytest.raises(ImageCorrupt):
        decode(data[: int(len(data) * kept)], LIMITS)


def test_a_grid_of_tiles_is_read():
    photo = decode(grid(64, 2, 3, (180, 128)), LIMITS)
    assert (photo.width_px, photo.height_px) == (180, 128)


@pytest.mark.parametrize("size_px", [(64, 64), (960, 960)])
def test_a_grid_that_takes_far_more_decoding_than_its_picture_has_pixels_is_refused(size_px):
    with pytest.raises(ImageTooLarge, match="parts of a picture"):
        decode(grid(128, 40, 40, size_px), LIMITS)


@pytest.mark.parametrize("parts", [[GRID], [FIRST_TILE, GRID]])
def test_a_picture_that_is_derived_from_itself_is_corrupt(parts):
    with pytest.raises(ImageCorrupt, match="deep"):
        decode(grid(64, 1, 1, (64, 64), parts), LIMITS)
