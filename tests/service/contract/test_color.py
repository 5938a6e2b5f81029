from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract.color import (
    LUMINANCE,
    aces,
    aces_inverse,
    blackbody_rgb,
    blend,
    change_temperature,
    fill_light,
    linear_to_srgb,
    srgb_to_linear,
    temperature_gain,
)

TEMPERATURES_K = st.floats(2000, 12000)


def picture(seed: int = 0, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, (16, 24, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("temperature_k", "rgb"),
    [
        (2500, (2.066, 0.770, 0.138)),
        (3500, (1.564, 0.892, 0.405)),
        (4500, (1.302, 0.945, 0.654)),
        (5500, (1.146, 0.970, 0.864)),
        (6500, (1.044, 0.983, 1.036)),
    ],
)
def test_blackbodies_have_the_published_colours(temperature_k, rgb):
    assert blackbody_rgb(temperature_k) == pytest.approx(rgb, abs=2e-3)


@pytest.mark.parametrize(
    ("temperature_k", "x", "y"),
    [
        # Wyszecki and Stiles, "Color Science", 2nd edition, table 1(3.11), Planckian locus
        (2000, 0.5267, 0.4133),
        (2856, 0.4476, 0.4074),  # CIE illuminant A
        (4000, 0.3805, 0.3768),
        (5000, 0.3451, 0.3516),
        (6500, 0.3135, 0.3237),
        (10000, 0.2807, 0.2884),
    ],
)
def test_blackbodies_lie_on_the_planckian_locus(temperature_k, x, y):
    rgb_to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], LUMINANCE, [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = rgb_to_xyz @ blackbody_rgb(temperature_k)
    assert xyz[:2] / xyz.sum() == pytest.approx((x, y), abs=1.5e-3)


@given(TEMPERATURES_K)
def test_a_blackbody_is_a_colour_of_unit_luminance(temperature_k):
    rgb = blackbody_rgb(temperature_k)
    assert rgb.min() > 0
    assert LUMINANCE @ rgb == pytest.approx(1, abs=1e-4)


@given(TEMPERATURES_K, TEMPERATURES_K)
def test_gains_undo_each_other(one_k, other_k):
    product = temperature_gain(one_k, other_k) * temperature_gain(other_k, one_k)
    assert product == pytest.approx((1, 1, 1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_linear_light_and_back_changes_nothing(dtype):
    codes = np.linspace(0, 1, 1001, dtype=dtype)
    back = linear_to_srgb(srgb_to_linear(codes))
    assert back.dtype == dtype
    np.testing.assert_allclose(back, codes, atol=1e-6)


def test_the_srgb_curve_passes_through_its_published_points():
    codes = np.array([0, 10, 118, 188, 255]) / 255
    linear = [0, 0.003035, 0.181164, 0.502886, 1]
    np.testing.assert_allclose(srgb_to_linear(codes), linear, atol=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_the_tone_curve_can_be_undone(dtype, tolerance):
    display = picture().astype(dtype)
    scene = aces_inverse(display)
    assert scene.dtype == dtype
    np.testing.assert_allclose(aces(scene), display, atol=tolerance)


def test_the_tone_curve_rises_and_keeps_gray_gray():
    scene = np.repeat(np.geomspace(1e-3, 100, 200)[:, None], 3, axis=1)
    display = aces(scene)
    assert np.all(np.diff(display, axis=0) >= 0)
    assert np.ptp(display, axis=1).max() < 1e-4
    assert display[0, 0] == 0
    assert display[-1, 0] == 1


def test_the_same_temperature_gives_the_same_picture():
    codes = picture()
    np.testing.assert_array_equal(change_temperature(codes, 4500, 4500), codes)


@given(TEMPERATURES_K)
def test_temperature_is_continuous_and_stays_in_range(from_k):
    codes = picture()
    nearly = change_temperature(codes, from_k, from_k + 0.01)
    np.testing.assert_allclose(nearly, codes, atol=0.5 / 255)
    for to_k in (2000, 12000):
        changed = change_temperature(codes, from_k, to_k)
        assert changed.dtype == np.float32
        assert changed.min() >= 0
        assert changed.max() <= 1


def test_warmer_light_has_more_red_and_less_blue():
    gray = np.full((2, 2, 3), 0.5, np.float32)
    warm, cold = change_temperature(gray, 4500, 2500), change_temperature(gray, 4500, 8000)
    assert warm[0, 0, 0] > 0.5 > warm[0, 0, 2]
    assert cold[0, 0, 0] < 0.5 < cold[0, 0, 2]


def test_black_stays_black_and_white_stays_nearly_white_at_any_temperature():
    black, white = np.zeros((1, 1, 3), np.float32), np.ones((1, 1, 3), np.float32)
    for to_k in (2000, 3000, 7000, 12000):
        assert change_temperature(black, 4500, to_k).max() < 1e-3
        assert change_temperature(white, 4500, to_k).min() > 0.7


def test_a_rendered_scene_under_another_lamp_is_predicted():
    """Render with both lamps, 8-bit; gain behind the curve must beat plain linear gain."""
    rng = np.random.default_rng(1)
    reflectance = rng.uniform(0.02, 0.9, (64, 64, 3)) * np.geomspace(0.05, 4, 64)[:, None]

    def render(temperature_k):
        display = linear_to_srgb(aces(reflectance * blackbody_rgb(temperature_k)))
        return (np.rint(display * 255) / 255).astype(np.float32)

    def psnr_db(one, other):
        return -10 * np.log10(np.mean(np.square(one - other)))

    source, target = render(4500), render(2500)
    gain = temperature_gain(4500, 2500).astype(np.float32)
    plain = linear_to_srgb(np.clip(srgb_to_linear(source) * gain, 0, 1))
    foretold = psnr_db(change_temperature(source, 4500, 2500), target)
    assert foretold > 40
    assert foretold > psnr_db(plain, target) + 5


@pytest.mark.parametrize("mix", [blend, lambda o, r, s: blend(r, o, 1 - s)])
def test_strength_is_exact_at_both_ends(mix):
    original, relit = picture(1), picture(2)
    np.testing.assert_array_equal(mix(original, relit, 0), original)
    np.testing.assert_array_equal(mix(original, relit, 1), relit)


def test_strength_mixes_light_not_codes():
    black, white = np.zeros((1, 1, 3), np.float32), np.ones((1, 1, 3), np.float32)
    half = blend(black, white, 0.5)
    np.testing.assert_allclose(half, 188 / 255, atol=2e-3)


@given(st.floats(0, 1))
def test_a_blend_lies_between_its_two_pictures(strength):
    original, relit = picture(1), picture(2)
    mixed = blend(original, relit, strength)
    assert mixed.dtype == np.float32
    assert np.all(mixed >= np.minimum(original, relit) - 1e-6)
    assert np.all(mixed <= np.maximum(original, relit) + 1e-6)


def test_no_fill_changes_nothing():
    original, relit = picture(1), picture(2)
    np.testing.assert_array_equal(fill_light(original, relit, 0), relit)
    np.testing.assert_allclose(fill_light(original, relit, 1e-6), relit, atol=1e-4)


def test_full_fill_adds_as_much_light_as_the_new_one_gives():
    original, relit = picture(1, high=0.5), picture(2, high=0.5)
    filled = srgb_to_linear(fill_light(original, relit, 1))
    assert filled.mean() == pytest.approx(2 * srgb_to_linear(relit).mean(), rel=1e-3)


@given(st.floats(0, 1))
def test_fill_only_adds_light_and_never_clips(fill):
    original, relit = picture(1, low=0.3), picture(2)
    filled = fill_light(original, relit, fill)
    assert filled.dtype == np.float32
    assert np.all(filled >= relit - 1e-6)
    assert filled.max() <= 1 + 1e-6


def test_a_black_photo_has_no_light_to_fill_with():
    black, relit = np.zeros((16, 24, 3), np.float32), picture()
    np.testing.assert_allclose(fill_light(black, relit, 1), relit, atol=1e-6)
