from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract.buckets import (
    Bucket,
    buckets_for,
    choose_bucket,
    fit,
    fit_halved,
    halved,
    unfit,
)

BUCKETS = buckets_for(512)

SIDES = st.integers(16, 600)


def test_the_list_of_buckets_is_closed():
    assert set(map(str, BUCKETS)) == {
        "512x512", "592x448", "624x416", "688x384", "736x368",
        "448x592", "416x624", "384x688", "368x736",
    }  # fmt: skip


@pytest.mark.parametrize("size_px", [128, 256, 384, 512, 1024])
def test_every_bucket_costs_about_the_same_and_suits_the_network(size_px):
    buckets = buckets_for(size_px)
    assert len(buckets) == len(set(buckets)) >= 5
    for bucket in buckets:
        assert bucket.width_px * bucket.height_px == pytest.approx(size_px**2, rel=0.041)
        assert bucket.width_px % 16 == bucket.height_px % 16 == 0


@pytest.mark.parametrize(
    ("size", "bucket"),
    [
        ((4000, 4000), "512x512"),
        ((4032, 3024), "592x448"),
        ((3024, 4032), "448x592"),
        ((6000, 4000), "624x416"),
        ((1920, 1080), "688x384"),
        ((1080, 1920), "384x688"),
        ((4000, 2000), "736x368"),
        ((9000, 1000), "736x368"),
        ((1000, 9000), "368x736"),
    ],
)
def test_common_shapes_go_to_their_buckets(size, bucket):
    assert str(choose_bucket(*size, BUCKETS)) == bucket


@given(SIDES, SIDES)
def test_pictures_are_never_rotated(width_px, height_px):
    bucket = choose_bucket(width_px, height_px, BUCKETS)
    assert choose_bucket(height_px, width_px, BUCKETS) == Bucket(bucket.height_px, bucket.width_px)
    if width_px != height_px and bucket.width_px != bucket.height_px:
        assert (width_px > height_px) == (bucket.width_px > bucket.height_px)


@given(SIDES, SIDES)
def test_the_picture_is_cut_out_of_its_canvas_with_little_stretch(width_px, height_px):
    pixels = np.zeros((height_px, width_px, 3), np.uint8)
    bucket = choose_bucket(width_px, height_px, BUCKETS)
    canvas = fit(pixels, bucket)
    assert canvas.shape == (bucket.height_px, bucket.width_px, 3)
    rows, columns, _ = unfit(canvas, width_px, height_px).shape
    # At 600 x 16 the picture has 20 rows in its bucket: half a row is 2.5 %.
    assert columns / rows == pytest.approx(width_px / height_px, rel=0.16)


@pytest.mark.parametrize("size", [(900, 100), (100, 900), (640, 480), (300, 700)])
def test_a_picture_keeps_its_place(size):
    width_px, height_px = size
    x, y = np.meshgrid(np.linspace(0, 255, width_px), np.linspace(0, 255, height_px))
    pixels = np.stack([x, y, x], axis=2).astype(np.uint8)
    low = unfit(fit(pixels, choose_bucket(*size, BUCKETS)), *size).astype(float)
    rows, columns, _ = low.shape
    np.testing.assert_allclose(low[rows // 2, :, 0], np.linspace(0, 255, columns), atol=4)
    np.testing.assert_allclose(low[:, columns // 2, 1], np.linspace(0, 255, rows), atol=4)


def test_a_panorama_is_surrounded_by_its_reflection():
    pixels = np.random.default_rng(0).integers(0, 256, (100, 800, 3), dtype=np.uint8)
    canvas = fit(pixels, Bucket(736, 368))
    picture = unfit(canvas, 800, 100)
    top = (368 - picture.shape[0]) // 2
    np.testing.assert_array_equal(canvas[top - 1], picture[0])
    np.testing.assert_array_equal(canvas[top - 5], picture[4])


def test_a_single_row_of_pixels_still_fits():
    pixels = np.full((1, 5000, 3), 77, np.uint8)
    assert np.all(fit(pixels, choose_bucket(5000, 1, BUCKETS)) == 77)


def test_an_operator_can_choose_one_square_for_all_photos():
    (square,) = buckets_for(512, "square")
    assert (square.width_px, square.height_px) == (512, 512)
    wide = np.zeros((300, 400, 3), np.uint8)
    assert fit(wide, choose_bucket(400, 300, (square,))).shape == (512, 512, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(2000, 3000), (2001, 3000), (2000, 3001)])
def test_shrinking_in_two_steps_gives_the_mean_over_the_area(size, dtype):
    white = np.iinfo(dtype).max
    grain = np.random.default_rng(0).normal(0.5, 0.15, (size[0] // 8, size[1] // 8, 3))
    codes = np.clip(cv2.resize(grain, size[::-1], interpolation=cv2.INTER_CUBIC), 0, 1) * white
    pixels = codes.astype(dtype)
    bucket = choose_bucket(size[1], size[0], buckets_for(256))
    small = fit(pixels, bucket)
    shape = (bucket.width_px, bucket.height_px)
    at_once = cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA)
    assert small.dtype == dtype
    assert np.abs(small.astype(float) - at_once).mean() < 0.002 * white


@given(SIDES, SIDES, st.sampled_from([np.uint8, np.uint16]), st.integers(0, 99))
def test_mirrored_means_the_mirror_image_to_the_last_bit(width_px, height_px, dtype, seed):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, np.iinfo(dtype).max, (height_px, width_px, 3), dtype, endpoint=True)
    bucket = choose_bucket(width_px, height_px, buckets_for(64))
    expected = fit(np.ascontiguousarray(pixels[:, ::-1]), bucket)
    np.testing.assert_array_equal(fit(pixels, bucket, mirrored=True), expected)
    # The half may be taken once, for all that needs it.
    half = halved(pixels, bucket)
    np.testing.assert_array_equal(fit_halved(half, bucket, mirrored=True), expected)
