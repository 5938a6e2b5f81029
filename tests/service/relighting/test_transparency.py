from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.contract.buckets import Bucket, fit
from service.relighting.guided_upsampling import transfer
from service.relighting.mirroring import leans_left
from service.relighting.transparency import fit_visible

BUCKET = Bucket(64, 48)


def picture(dtype, height_px, width_px, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max, (height_px, width_px, 3), dtype, endpoint=True)


@settings(deadline=None)
@given(
    st.sampled_from([np.uint8, np.uint16]),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(0, 2**31),
)
def test_colours_of_transparent_pixels_change_nothing(dtype, height_px, width_px, seed):
    rng = np.random.default_rng(seed)
    alpha = rng.choice(np.array([0, np.iinfo(dtype).max], dtype), (height_px, width_px))
    first = picture(dtype, height_px, width_px, seed)
    second = np.where(alpha[..., None] == 0, picture(dtype, height_px, width_px, seed + 1), first)
    seen = fit_visible(first, alpha, BUCKET)
    np.testing.assert_array_equal(fit_visible(second, alpha, BUCKET), seen)
    assert seen.shape == (48, 64, 3)
    assert np.isfinite(seen).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_opaque_picture_is_seen_as_without_alpha(dtype):
    pixels, white = picture(dtype, 192, 256), np.iinfo(dtype).max
    seen = fit_visible(pixels, np.full((192, 256), white, dtype), BUCKET)
    np.testing.assert_allclose(seen, fit(pixels, BUCKET) / white, atol=1 / 255)


def test_the_surroundings_are_continued_below_what_is_transparent():
    pixels, alpha = np.full((96, 128, 3), (200, 100, 50), np.uint8), np.zeros((96, 128), np.uint8)
    alpha[20:40, 30:60], pixels[alpha == 0] = 255, (0, 255, 0)
    np.testing.assert_allclose(
        fit_visible(pixels, alpha, BUCKET)[5, 5] * 255, (200, 100, 50), atol=2
    )


def test_half_transparent_pixels_keep_their_own_colours():
    pixels, alpha = picture(np.uint8, 48, 64), np.full((48, 64), 128, np.uint8)
    np.testing.assert_allclose(fit_visible(pixels, alpha, BUCKET) * 255, pixels, atol=1)


def test_a_picture_that_is_all_transparent_is_seen_as_gray():
    nothing = np.zeros((50, 70), np.uint8)
    np.testing.assert_allclose(fit_visible(picture(np.uint8, 50, 70), nothing, BUCKET), 0.5)


@pytest.mark.parametrize("in_place", [False, True])
def test_pixels_that_cannot_be_seen_stay_as_they_are(in_place):
    image = picture(np.uint8, 96, 128)
    alpha = np.where(np.arange(128) < 64, 0, 255).astype(np.uint8)[None].repeat(96, axis=0)
    low = image[::2, ::2].astype(np.float32) / 255
    given_image = image.copy()
    out = given_image if in_place else None
    relit = transfer(given_image, low, low * 0.5, 0.0, alpha=alpha, out=out)
    np.testing.assert_array_equal(relit[:, :64], image[:, :64])
    assert relit[:, 64:].mean() < image[:, 64:].mean() * 0.7


@settings(deadline=None)
@given(st.integers(2, 200), st.integers(2, 200), st.integers(0, 2**31))
def test_a_picture_and_its_mirror_image_are_seen_alike_to_the_last_bit(height_px, width_px, seed):
    pixels = picture(np.uint16, height_px, width_px, seed)
    alpha = picture(np.uint16, height_px, width_px, seed + 1)[..., 0] & 0xF0FF
    mirrored, alpha_mirrored = pixels[:, ::-1].copy(), alpha[:, ::-1].copy()
    first, second = leans_left(pixels, alpha), leans_left(mirrored, alpha_mirrored)
    assert not (first and second)
    if first or second:
        np.testing.assert_array_equal(
            fit_visible(pixels, alpha, BUCKET, mirrored=first),
            fit_visible(mirrored, alpha_mirrored, BUCKET, mirrored=second),
        )


def test_transparent_pixels_do_not_decide_whether_a_picture_is_mirrored():
    pixels, alpha = np.zeros((8, 64, 3), np.uint8), np.zeros((8, 64), np.uint8)
    pixels[:, :20], alpha[:, 50:], pixels[:, 50:] = 255, 255, 9
    assert leans_left(pixels)
    assert not leans_left(pixels, alpha)
