from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from service.contract.color import LUMINANCE, srgb_to_linear
from service.relighting.shading import shade

PICTURES = hnp.arrays(np.float32, (12, 16, 3), elements=st.floats(0, 1, width=32))


def luminance(picture):
    return srgb_to_linear(picture) @ LUMINANCE.astype(np.float32)


@pytest.fixture
def photo():
    rng = np.random.default_rng(1)
    hues = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.6]], np.float32)
    stripes = hues[np.arange(48) // 16 % 3]  # (48, 3)
    return (stripes * rng.uniform(0.8, 1, (32, 48, 1))).astype(np.float32)


def test_hue_and_saturation_stay_those_of_the_photo(photo):
    brown = np.full_like(photo, 0.3) * np.array([1, 0.7, 0.4], np.float32)
    brown[:, 24:] *= 1.5  # lit from the right
    shaded = srgb_to_linear(shade(photo, brown))
    original = srgb_to_linear(photo)
    ratio = shaded / original  # one factor for the three channels of a pixel
    assert np.ptp(ratio, axis=2).max() < 0.15 * ratio.mean()


def test_light_comes_from_the_relit_picture(photo):
    relit = np.full_like(photo, 0.2)
    relit[:, 24:] = 0.6
    shaded = luminance(shade(photo, relit))
    np.testing.assert_allclose(shaded[:, :24] / shaded[0, 0], 1, atol=0.02)
    assert shaded[:, 30:].mean() > 4 * shaded[:, :20].mean()


def test_the_exposure_is_that_of_the_photo_however_dark_the_model_paints(photo):
    dark = photo * np.float32(0.2)
    assert luminance(shade(photo, dark)).mean() == pytest.approx(luminance(photo).mean(), rel=0.02)


def test_a_photo_relit_as_it_is_stays_as_it_is(photo):
    np.testing.assert_allclose(shade(photo, photo), photo, atol=0.03)


def test_an_opened_shadow_takes_the_colour_of_its_surroundings():
    photo = np.full((64, 64, 3), 0, np.float32) + np.array([0.6, 0.3, 0.2], np.float32)
    photo[30:34, 30:34] = 0
    relit = np.full_like(photo, 0.5)
    opened = srgb_to_linear(shade(photo, relit))[32, 32]
    red_to_blue = srgb_to_linear(np.array([0.6, 0.2], np.float32))
    assert opened[0] / opened[2] == pytest.approx(red_to_blue[0] / red_to_blue[1], rel=0.1)
    assert opened.sum() > 0.2


@given(PICTURES, PICTURES)
def test_any_two_pictures_give_a_picture(original, relit):
    shaded = shade(original, relit)
    assert shaded.dtype == np.float32
    assert np.isfinite(shaded).all()
    assert shaded.min() >= 0
    assert shaded.max() <= 1


def test_deep_shadow_is_lit_evenly_and_visible_detail_keeps_its_light():
    original = np.full((128, 192, 3), 0.02, np.float32)  # deep shadow on the left
    original[:, 96:] = 0.7
    relit = np.full_like(original, 0.5)
    relit[60:66, 40:46] = 0.02  # a spot of the network's in the shadow
    relit[60:66, 150:156] = 0.02  # and a dark thing in the light
    shaded = shade(original, relit)
    in_the_dark = shaded[60:66, 40:46].mean() / shaded[30:36, 40:46].mean()
    in_the_light = shaded[60:66, 150:156].mean() / shaded[30:36, 150:156].mean()
    assert in_the_dark > 0.8
    assert in_the_light < 0.2
