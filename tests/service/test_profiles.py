from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from service import profiles
from tests.service.icc_profiles import DISPLAY_P3, SRGB, cmyk_profile, gray_profile, rgb_profile

P3 = rgb_profile(DISPLAY_P3)


def test_no_profile_means_srgb():
    pixels = np.full((2, 2, 3), 100, np.uint8)
    assert profiles.to_srgb(pixels, None) is pixels
    floats = np.full((2, 2, 3), 0.4, np.float32)
    assert profiles.from_srgb(floats, None) is floats


def test_display_p3_is_read_as_what_it_is():
    # Green of sRGB has these codes in a P3 space of gamma 2.2.
    srgb = profiles.to_srgb(np.array([[[117, 251, 76]]], np.uint8), P3)
    np.testing.assert_allclose(srgb, [[[0, 255, 0]]], atol=12)
    gray = profiles.to_srgb(np.array([[[128, 128, 128]]], np.uint8), P3)
    assert np.ptp(gray) <= 1


def test_there_and_back_changes_little():
    gradient = np.linspace(0.2, 0.8, 256 * 3, dtype=np.float32).reshape(16, 16, 3)
    native = profiles.from_srgb(gradient, P3)
    assert native.dtype == np.float32
    back = profiles.to_srgb(np.rint(native * 255).astype(np.uint8), P3)
    np.testing.assert_allclose(back / 255, gradient, atol=2 / 255)


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
    assert profiles.is_reversible(profile) is reversible


def test_pictures_of_other_spaces_are_flattened_to_srgb():
    cyan = profiles.flatten(Image.new("CMYK", (2, 2), (255, 0, 0, 0)), cmyk_profile())
    assert cyan is not None
    assert cyan.mode == "RGB"
    assert max(cyan.getpixel((0, 0))) < 80
    linear = profiles.flatten(Image.new("L", (2, 2), 128), gray_profile(1.0))
    assert linear is not None
    assert linear.getpixel((0, 0)) == pytest.approx((188, 188, 188), abs=1)


def test_a_profile_of_another_kind_flattens_nothing():
    assert profiles.flatten(Image.new("L", (2, 2)), P3) is None
    assert profiles.flatten(Image.new("CMYK", (2, 2)), b"broken") is None
