from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.contract.softness import estimate_softness
from service.relighting.guided_upsampling import coefficients, transfer


def textured(height_px=384, width_px=512, seed=0) -> np.ndarray:
    """Noise of many scales with hard-edged patches, float32 0.1 to 0.7."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((height_px, width_px, 3), np.float32)
    for octave in range(8):
        grain = rng.standard_normal((height_px >> octave or 1, width_px >> octave or 1, 3))
        size = (width_px, height_px)
        canvas += cv2.resize(grain.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    for _ in range(20):
        y, x = rng.integers(0, height_px), rng.integers(0, width_px)
        canvas[y : y + 60, x : x + 60] += rng.normal(0, 2, 3)
    low, high = np.percentile(canvas, (1, 99))
    return (0.1 + 0.6 * np.clip((canvas - low) / (high - low), 0, 1)).astype(np.float32)


def shading(height_px, width_px) -> np.ndarray:
    """A smooth light from the right and one soft shadow; factors 0.3 to 1.4."""
    x = np.linspace(0, 1, width_px, dtype=np.float32)[None, :, None]
    y = np.linspace(-1, 1, height_px, dtype=np.float32)[:, None, None]
    shadow = 1 - 0.6 / (1 + np.exp(40 * (np.abs(x - 0.4 - 0.1 * y) - 0.1)))
    return ((0.5 + 0.9 * x) * shadow).astype(np.float32)


def codes(x) -> np.ndarray:
    return np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)


def shrink(x, scale) -> np.ndarray:
    size = (x.shape[1] // scale, x.shape[0] // scale)
    return cv2.resize(x, size, interpolation=cv2.INTER_AREA)


def psnr_db(one, other) -> float:
    return -10 * np.log10(np.mean(np.square(one.astype(float) - other)) / 255**2)


def relit_pair(scale, softness_px=0.0):
    source = textured()
    target = source * shading(*source.shape[:2])
    low_in, low_out = shrink(source, scale), shrink(target, scale)
    if softness_px:
        low_out = cv2.GaussianBlur(low_out, (0, 0), softness_px)
    bicubic = cv2.resize(low_out, (source.shape[1], source.shape[0]), interpolation=cv2.INTER_CUBIC)
    return codes(source), codes(target), low_in, low_out, codes(bicubic)


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("softness_px", [0.0, 1.5])
def test_detail_comes_back(scale, softness_px):
    source, target, low_in, low_out, bicubic = relit_pair(scale, softness_px)
    relit = transfer(source, low_in, low_out)
    assert psnr_db(relit, target) > psnr_db(bicubic, target) + 2


@pytest.mark.parametrize("softness_px", [0.0, 0.7, 1.0, 1.5, 2.0])
def test_softness_is_estimated(softness_px):
    _, _, low_in, low_out, _ = relit_pair(2, softness_px)
    assert estimate_softness(low_in, low_out) == pytest.approx(softness_px, abs=0.25)


def test_a_sharper_output_has_no_softness():
    _, _, low_in, low_out, _ = relit_pair(2)
    assert estimate_softness(cv2.GaussianBlur(low_in, (0, 0), 1), low_out) == 0


def test_flat_pictures_have_no_softness():
    flat = np.full((64, 64, 3), 0.5, np.float32)
    assert estimate_softness(flat, flat) == 0


def test_a_removed_shadow_edge_leaves_no_ghost():
    lit = np.full((256, 256, 3), 0.5, np.float32)
    shadowed = lit.copy()
    shadowed[:, :130] = 0.1
    relit = transfer(codes(shadowed), shrink(shadowed, 4), shrink(lit, 4))
    assert np.abs(relit.astype(int) - codes(lit)).max() <= 8
    residual = shadowed + 0.5 - cv2.resize(shrink(shadowed, 4), (256, 256))
    assert np.abs(codes(residual).astype(int) - codes(lit)).max() > 40


def test_a_new_shadow_edge_is_as_sharp_as_the_output():
    lit = np.full((256, 256, 3), 0.5, np.float32)
    shadowed = lit.copy()
    shadowed[:, :128] = 0.1
    relit = transfer(codes(lit), shrink(lit, 4), shrink(shadowed, 4))
    assert np.abs(relit[:, :120].astype(int) - 26).max() <= 3
    assert np.abs(relit[:, 136:].astype(int) - 128).max() <= 3


@settings(max_examples=40)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(1, 40))
def test_a_network_that_changes_nothing_changes_nothing(height_px, width_px, low_h, low_w):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
    low = cv2.resize(image.astype(np.float32) / 255, (low_w, low_h), interpolation=cv2.INTER_AREA)
    relit = transfer(image, low, low)
    assert relit.shape == image.shape
    assert relit.dtype == np.uint8
    assert np.abs(relit.astype(int) - image).max() <= 1


def test_a_photo_smaller_than_the_networks_picture_takes_its_light():
    source = textured(100, 120)
    target = source * shading(100, 120)
    low_in, low_out = (cv2.resize(x, (512, 512)) for x in (source, target))
    assert psnr_db(transfer(codes(source), low_in, low_out), codes(target)) > 35


def test_the_photo_and_the_small_picture_are_registered():
    """A ramp of light must arrive where it was, to the borders, at any ratio of sizes."""
    source = np.full((301, 407, 3), 0.5, np.float32)
    ramp = np.broadcast_to(
        np.linspace(0.2, 0.8, 407, dtype=np.float32)[None, :, None], source.shape
    )
    low_in, low_out = (
        cv2.resize(x, (64, 48), interpolation=cv2.INTER_AREA) for x in (source, ramp)
    )
    relit = transfer(codes(source), low_in, low_out)
    assert np.abs(relit.astype(int) - codes(ramp))[:, 5:-5].max() <= 1


@pytest.mark.parametrize("height_px", [31, 32, 33, 97])
def test_strips_leave_no_seams(height_px):
    source = textured(height_px, 160)
    low_in = cv2.resize(source, (40, 24), interpolation=cv2.INTER_AREA)
    low_out = low_in * shading(24, 40)
    slope, base = coefficients(low_in, low_out, 0.5)
    size = (160, height_px)
    whole = cv2.resize(slope, size, interpolation=cv2.INTER_LINEAR) * codes(source) / 255
    whole += cv2.resize(base, size, interpolation=cv2.INTER_CUBIC)
    relit = transfer(codes(source), low_in, low_out, 0.5)
    assert np.abs(relit.astype(int) - codes(whole)).max() <= 1


def test_the_slope_follows_the_ratio_of_shading():
    low_in = textured(64, 64)
    slope, base = coefficients(low_in, low_in * np.float32(0.5), 0.0)
    # In the flat and dark the offset in the ratio of means pulls the slope up a little.
    assert np.median(slope) == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(slope, 0.5, atol=0.1)
    np.testing.assert_allclose(base, 0, atol=0.02)


def test_many_threads_give_the_same_answer():
    source, _, low_in, low_out, _ = relit_pair(4)
    alone = transfer(source, low_in, low_out)
    with ThreadPoolExecutor(4) as pool:
        for relit in pool.map(lambda _: transfer(source, low_in, low_out), range(8)):
            np.testing.assert_array_equal(relit, alone)


def test_inputs_are_left_as_they_were():
    source, _, low_in, low_out, _ = relit_pair(4)
    before = source.copy(), low_in.copy(), low_out.copy()
    source.flags.writeable = low_in.flags.writeable = low_out.flags.writeable = False
    transfer(source, low_in, low_out)
    for now, then in zip((source, low_in, low_out), before, strict=True):
        np.testing.assert_array_equal(now, then)
