from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from service.contract.color import linear_to_srgb
from service.imaging import decode, profiles
from tests.service.icc_profiles import (
    DISPLAY_P3,
    SRGB,
    cmyk_profile,
    gray_profile,
    profile_with_elements,
    rgb_profile,
    scanner_profile,
)
from tests.service.pictures import LIMITS, saved

P3 = rgb_profile(DISPLAY_P3)


def test_no_profile_means_srgb():
    floats = np.full((2, 2, 3), 0.4, np.float32)
    assert profiles.from_srgb(floats, None) is floats
    assert profiles.to_srgb(floats, None) is floats


def test_display_p3_is_read_as_what_it_is():
    # Green of sRGB has these codes in a P3 space of gamma 2.2.
    green = np.array([[[117, 251, 76]]], np.float32) / 255
    np.testing.assert_allclose(profiles.to_srgb(green, P3), [[[0, 1, 0]]], atol=12 / 255)
    gray = profiles.to_srgb(np.full((1, 1, 3), 0.5, np.float32), P3)
    assert np.ptp(gray) <= 1 / 255


def test_there_and_back_changes_little():
    gradient = np.linspace(0.2, 0.8, 256 * 3, dtype=np.float32).reshape(16, 16, 3)
    native = profiles.from_srgb(gradient, P3)
    assert native.dtype == np.float32
    np.testing.assert_allclose(profiles.to_srgb(native, P3), gradient, atol=2 / 255)


def test_steps_finer_than_a_code_survive():
    ramp = np.linspace(0.5, 0.5 + 1 / 255, 32, dtype=np.float32)
    native = profiles.from_srgb(np.repeat(ramp[None, :, None], 3, axis=2), rgb_profile(SRGB))
    assert len(np.unique(native[0, :, 0])) > 16


@pytest.mark.parametrize(
    ("profile", "reversible"),
    [
        (P3, True),
        (rgb_profile(SRGB), True),
        (gray_profile(2.2), False),
        (cmyk_profile(), False),
        (P3[:200], False),
        (b"", False),
        (b"\0" * 500, False),
        (P3[:128] + b"\xff" * 400, False),
    ],
)
def test_only_sound_rgb_profiles_can_be_kept(profile, reversible):
    assert (profiles.is_readable(profile) and profiles.leads_back(profile)) is reversible


def test_a_gray_picture_can_keep_a_gray_profile():
    assert profiles.is_readable(gray_profile(2.2), is_gray=True)
    assert profiles.is_readable(P3, is_gray=True)


def test_pictures_of_other_spaces_are_flattened_to_srgb():
    cyan = profiles.flatten_cmyk(Image.new("CMYK", (2, 2), (255, 0, 0, 0)), cmyk_profile())
    assert cyan is not None
    assert cyan.mode == "RGB"
    assert max(cyan.getpixel((0, 0))) < 80


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_gray_of_another_profile_can_be_had_in_srgb(dtype, white):
    ramp = np.linspace(0, white, 1000).astype(dtype)[None, :, None].repeat(3, axis=2)
    flat = profiles.flatten_gray(ramp, gray_profile(1.5))
    assert flat.dtype == dtype
    srgb = linear_to_srgb((ramp / white) ** 1.5)
    np.testing.assert_allclose(flat / white, srgb, atol=2.5 / 255)
    if dtype == np.uint16:
        assert len(np.unique(flat)) > 800  # no banding


def test_gray_goes_to_srgb_and_back_through_its_own_profile():
    gray = np.linspace(0.1, 1, 256, dtype=np.float32).reshape(16, 16, 1).repeat(3, axis=2)
    srgb = profiles.to_srgb(gray, gray_profile(1.0))
    np.testing.assert_allclose(srgb, linear_to_srgb(gray), atol=2.5 / 255)
    np.testing.assert_allclose(profiles.from_srgb(srgb, gray_profile(1.0)), gray, atol=3 / 255)


def test_a_profile_of_another_kind_flattens_nothing():
    assert profiles.flatten_cmyk(Image.new("L", (2, 2)), P3) is None
    assert profiles.flatten_cmyk(Image.new("CMYK", (2, 2)), b"broken") is None


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "tiff"])
def test_a_profile_without_a_way_back_is_spent_on_the_picture(format_name):
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    photo = decode(saved(red, format_name, icc_profile=scanner_profile()), LIMITS)
    assert photo.icc_profile is None
    assert photo.pixels[8, 8, 2] > 240
    assert photo.pixels[8, 8, 0] < 40


def test_the_darkest_colour_of_a_profile_becomes_black():
    black, white = (np.full((1, 1, 3), code, np.float32) for code in (0, 1))
    faded = scanner_profile(black_lightness=20)  # as black ink on paper
    assert profiles.to_srgb(black, faded).max() <= 3 / 255
    assert profiles.to_srgb(white, faded).min() >= 252 / 255


def test_16_bits_go_smoothly_through_a_profile_without_a_way_back():
    ramp = np.linspace(0, 65535, 2000).astype(np.uint16)[None, :, None].repeat(3, axis=2)
    flat = profiles.flatten(ramp, scanner_profile())
    assert flat.dtype == np.uint16
    assert len(np.unique(flat[..., 0])) > 800
    assert flat[0, -1].min() > 64_000


def test_gray_through_a_colour_profile_without_a_way_back_is_colour():
    photo = decode(saved(Image.new("L", (16, 16), 128), icc_profile=scanner_profile()), LIMITS)
    assert (photo.is_gray, photo.icc_profile) == (False, None)


@pytest.mark.parametrize("num_elements", [1, 50_000])
def test_lists_of_processing_elements_are_not_run(num_elements):
    profile = profile_with_elements(num_elements)
    green = np.array([[[117, 251, 76]]], np.float32) / 255
    assert profiles.is_readable(profile)
    assert profiles.leads_back(profile)
    np.testing.assert_array_equal(profiles.to_srgb(green, profile), profiles.to_srgb(green, P3))
    np.testing.assert_array_equal(profiles.from_srgb(green, profile), profiles.from_srgb(green, P3))


@pytest.mark.parametrize("num_bytes", [0, 100, 130, 140])
def test_a_profile_that_is_cut_off_is_not_readable(num_bytes):
    assert not profiles.is_readable(P3[:num_bytes])
