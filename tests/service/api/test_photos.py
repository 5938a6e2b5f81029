"""Photos as editors have them, over HTTP."""

from __future__ import annotations

import time
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image

from service import relighter
from service.app import create_app
from service.imaging import Photo, decode, encode
from service.settings import Settings
from service.stages import prepare
from tests.service.calls import metric, problem_of, relight
from tests.service.pictures import LIMITS, P3
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


def test_options_of_the_encoding_are_obeyed_or_refused(url, png):
    answer = relight(url, png, format="jpeg", progressive="true", subsampling="420", quality=60)
    with Image.open(BytesIO(answer.content)) as image:
        assert image.info["progressive"]
        assert image.layer[0][1:3] == (2, 2)
    problem = problem_of(relight(url, png, progressive="true"))
    assert (problem["code"], problem["option"]) == ("invalid_option", "progressive")
    assert problem_of(relight(url, png, subsampling="411"))["allowed"] == ["444", "422", "420"]


def test_models_tells_which_formats_are_read_and_which_are_written(url):
    catalogue = httpx.get(f"{url}/models").json()
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
            line for line in httpx.get(f"{url}/metrics").text.splitlines() if "bucket=" in line
        ]
    assert decode(answer.content, LIMITS).pixels.shape == picture.shape
    assert depths
    assert all('bucket="512x512"' in line for line in depths)


def test_a_decode_that_outlives_its_budget_is_counted_and_blocks_nobody(
    models_dir, png, wide_tiff, monkeypatch
):
    def stuck_on_tiff(data, *arguments, **options):
        if data == wide_tiff:
            time.sleep(1.5)
        return prepare(data, *arguments, **options)

    monkeypatch.setattr(relighter, "prepare", stuck_on_tiff)
    settings = Settings(models_dir=models_dir, decode_budget_s=0.3, num_threads=1)
    with serving(create_app(settings)) as url:
        problem = problem_of(relight(url, wide_tiff))
        started_s = time.monotonic()
        assert relight(url, png).status_code == 200
        assert time.monotonic() - started_s < 1  # the only thread is still stuck
        assert metric(url, "relight_decode_overruns_total") == 1
    assert (problem["status"], problem["code"]) == (422, "image_too_slow")
