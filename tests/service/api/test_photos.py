"""Photos as editors have them, over HTTP."""

from __future__ import annotations

import asyncio
import threading
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from service.app import create_app
from service.imaging import Photo, decode, encode, reading_cost
from service.relighting import photo_reader
from service.relighting.pipeline import prepare
from service.settings import Settings
from tests import http_client as http
from tests.service.calls import metric, problem_of, relight
from tests.service.pictures import LIMITS, P3, saved
from tests.service.stand_ins import serving


@pytest.fixture(scope="module")
def wide_tiff(picture) -> bytes:
    photo = Photo(pixels=picture.astype(np.uint16) * 257, format="tiff", icc_profile=P3)
    return encode(photo, "tiff")


def test_a_16_bit_tiff_comes_back_as_one(url, wide_tiff):
    answer = relight(url, wide_tiff)
    assert answer.headers["content-type"] == "image/tiff"
    photo = decode(answer.content, LIMITS)
    assert photo.pixels.dtype == np.uint16
    assert photo.icc_profile == P3
    untouched = decode(relight(url, wide_tiff, strength=0).content, LIMITS)
    np.testing.assert_array_equal(untouched.pixels, decode(wide_tiff, LIMITS).pixels)


def phone_photo() -> tuple[bytes, Image.Image]:
    """Return a portrait as a phone stores it, and how it looks: upright, in sRGB.

    On its side in the file, with orientation 6, Display P3, position, thumbnail and XMP.
    """
    rng = np.random.default_rng(0)
    blobs = rng.integers(0, 256, (12, 9, 3), np.uint8)
    upright = np.clip(cv2.resize(blobs, (600, 800), interpolation=cv2.INTER_CUBIC), 0, 255)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Maker", "Phone 12"
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.DateTimeOriginal: "2026:05:04 03:02:01",
        ExifTags.Base.ExposureTime: 0.01,
        ExifTags.Base.ExifImageWidth: 800,
        ExifTags.Base.MakerNote: b"Apple iOS\0" + bytes(500),
    }
    exif[ExifTags.IFD.GPSInfo] = {
        ExifTags.GPS.GPSLatitudeRef: "N",
        ExifTags.GPS.GPSLatitude: (52.0, 31.0, 12.0),
    }
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(np.rot90(upright))).save(
        file, "jpeg", quality=95, exif=exif.tobytes(), icc_profile=P3, xmp=xmp, dpi=(72, 72)
    )
    return file.getvalue(), in_srgb(Image.fromarray(upright), P3)


def in_srgb(image: Image.Image, icc_profile: bytes) -> Image.Image:
    srgb = ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, BytesIO(icc_profile), srgb)


def test_a_phones_portrait_keeps_its_look_and_metadata_at_strength_0(url):
    data, look = phone_photo()
    answer = relight(url, data, strength=0)
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(BytesIO(answer.content)) as image:
        assert image.size == (600, 800)
        assert image.info["icc_profile"] == P3
        exif = image.getexif()
        assert exif.get(ExifTags.Base.Orientation, 1) == 1
        assert exif[ExifTags.Base.Model] == "Phone 12"
        taken = exif.get_ifd(ExifTags.IFD.Exif)
        assert taken[ExifTags.Base.DateTimeOriginal] == "2026:05:04 03:02:01"
        assert taken[ExifTags.Base.ExifImageWidth] == 600
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] == (52.0, 31.0, 12.0)
        assert b'tiff:Orientation="1"' in image.info["xmp"]
        shown = np.asarray(in_srgb(image, image.info["icc_profile"]), float)
    assert np.abs(shown - np.asarray(look)).mean() < 1.5
    relit = relight(url, data)
    with Image.open(BytesIO(relit.content)) as image:
        assert (image.size, image.info["icc_profile"]) == ((600, 800), P3)


def test_a_stripped_phone_photo_reveals_neither_place_nor_device(url):
    data, _ = phone_photo()
    answer = relight(url, data, strength=0, metadata="strip").content
    with Image.open(BytesIO(answer)) as image:
        assert image.size == (600, 800)
        assert image.info["icc_profile"] == P3
        assert not image.getexif()
        assert "xmp" not in image.info
    assert b"Phone 12" not in answer


def test_options_of_the_encoding_are_obeyed_or_refused(url, png):
    answer = relight(url, png, format="jpeg", progressive="true", subsampling="420", quality=60)
    with Image.open(BytesIO(answer.content)) as image:
        assert image.info["progressive"]
        assert image.layer[0][1:3] == (2, 2)
    problem = problem_of(relight(url, png, progressive="true"))
    assert (problem["code"], problem["option"]) == ("invalid_option", "progressive")
    assert problem_of(relight(url, png, subsampling="411"))["allowed"] == ["444", "422", "420"]


def test_models_lists_the_formats_that_are_read_and_written(url):
    catalogue = http.get(f"{url}/models").json()
    assert "heif" in catalogue["formats"]
    assert catalogue["answer_formats"] == ["jpeg", "png", "webp", "avif", "tiff"]


def test_more_memory_than_the_limit_is_refused_by_the_header(models_dir, picture, wide_tiff):
    settings = Settings(models_dir=models_dir, max_decoded_bytes=60 * 90 * 3)
    with serving(create_app(settings)) as url:
        assert relight(url, encode(Photo(pixels=picture, format="png"), "png")).status_code == 200
        problem = problem_of(relight(url, wide_tiff))
    assert problem["code"] == "image_too_large"
    assert "at most 16200 bytes" in problem["detail"]


def test_an_operator_can_run_every_photo_at_one_square(models_dir, png, picture):
    settings = Settings(models_dir=models_dir, buckets="square")
    with serving(create_app(settings)) as url:
        answer = relight(url, png)
        depths = [
            line for line in http.get(f"{url}/metrics").text.splitlines() if "bucket=" in line
        ]
    assert decode(answer.content, LIMITS).pixels.shape == picture.shape
    assert depths
    assert all('bucket="128x128"' in line for line in depths)


def test_a_decode_that_outlives_its_budget_is_counted_and_blocks_no_request(
    models_dir, png, wide_tiff, monkeypatch
):
    free = threading.Event()

    def stuck_on_tiff(data, *arguments, **options):
        if data == wide_tiff:
            free.wait(50)
        return prepare(data, *arguments, **options)

    monkeypatch.setattr(photo_reader, "prepare", stuck_on_tiff)
    settings = Settings(models_dir=models_dir, decode_budget_s=2.0, num_threads=1)
    with serving(create_app(settings)) as url:
        try:
            problem = problem_of(relight(url, wide_tiff))
            assert relight(url, png).status_code == 200  # the only thread is still stuck
            assert metric(url, "relight_decode_overruns_total") == 1
        finally:
            free.set()
    assert (problem["status"], problem["code"]) == (422, "image_too_slow")


def test_a_file_is_walked_beside_the_event_loop(url, monkeypatch):
    on_loop = []

    def watched(data, limits):
        try:
            on_loop.append(asyncio.get_running_loop() is not None)
        except RuntimeError:
            on_loop.append(False)
        return reading_cost(data, limits)

    monkeypatch.setattr(photo_reader, "reading_cost", watched)
    pixels = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    assert relight(url, saved(Image.fromarray(pixels), "tiff")).status_code == 200
    assert on_loop == [False]
