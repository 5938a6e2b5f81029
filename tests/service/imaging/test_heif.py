from __future__ import annotations

import sys
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image

from relight.errors import ImageAnimated, ImageCorrupt, UnsupportedMediaType
from service.imaging import decode, encode
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


def test_several_pictures_in_one_file_are_refused():
    with pytest.raises(ImageAnimated):
        decode(heic(large_corners(), large_corners()), LIMITS)


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
def test_a_heic_cut_off_is_corrupt(kept):
    data = heic(large_corners())
    with pytest.raises(ImageCorrupt):
        decode(data[: int(len(data) * kept)], LIMITS)


def test_a_server_without_the_extra_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(UnsupportedMediaType, match="extra"):
        decode(heic(large_corners()), LIMITS)
