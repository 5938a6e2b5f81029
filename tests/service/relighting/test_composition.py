from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract.color import LUMINANCE, linear_to_srgb, srgb_to_linear
from service.relighting.composition import LampLight, Lit
from service.relighting.mirroring import leans_left

SHAPE = (24, 32)


def ones(value: float = 1.0):
    return np.full(SHAPE, value, np.float32)


def photo(seed: int = 0, most: float = 0.5):
    rng = np.random.default_rng(seed)
    return linear_to_srgb((rng.random((*SHAPE, 3)) * most).astype(np.float32))


def lit(irradiance, *, residual=0.0, relightable=1.0, log_shading=0.0, removal=0.0, **lamp):
    scene = {
        "occlusion": ones(),
        "relightable": np.broadcast_to(np.float32(relightable), SHAPE),
        "log_shading": np.broadcast_to(np.float32(log_shading), SHAPE),
    }
    arriving = LampLight(irradiance, ones(residual), **lamp)
    return Lit(scene, [arriving], ambient=0.15, removal=removal)


def side(left: float, right: float):
    irradiance = ones(left)
    irradiance[:, SHAPE[1] // 2 :] = right
    return irradiance


def mean_luminance(srgb) -> float:
    return float((srgb_to_linear(srgb) @ LUMINANCE).mean())


def test_the_lit_side_gets_brighter_by_the_ratio_of_light():
    original = photo()
    relit = lit(side(0.1, 0.5)).compose(original)
    change = srgb_to_linear(relit) / srgb_to_linear(original)
    left, right = change[:, :16], change[:, 16:]
    ratio = (0.15 + 0.85 * 0.5) / (0.15 + 0.85 * 0.1)
    np.testing.assert_allclose(right.mean() / left.mean(), ratio, rtol=1e-3)


def test_noise_in_black_stays_unseen_however_much_light_the_network_wants_there():
    noise = (np.random.default_rng(0).integers(0, 3, (*SHAPE, 3)) / 255).astype(np.float32)
    original = np.where(side(0, 1)[..., None] > 0, np.float32(0.5), noise)
    relit = lit(ones(), log_shading=side(-3.5, 0), removal=1.0).compose(original)
    black = np.s_[:, : SHAPE[1] // 2 - 6]  # the blur reaches further
    assert np.abs(relit[black] - original[black]).max() < 4 / 255


def test_brightened_shade_shows_the_colour_of_surfaces_but_not_that_of_noise():
    noise, surface = np.array([0.0001, 0.001, 0.0001]), np.array([0.02, 0.2, 0.02])
    original = linear_to_srgb(
        np.where(side(0, 1)[..., None] > 0, surface, noise).astype(np.float32)
    )
    relit = lit(ones(), log_shading=side(-3, 0), removal=1.0).compose(original)
    before, after = (srgb_to_linear(picture)[12, [2, -2]] for picture in (original, relit))
    saturation = [1 - x.min(axis=-1) / x.max(axis=-1) for x in (before, after)]
    assert after[0].mean() > 2 * before[0].mean()
    assert saturation[1][0] < 0.6 * saturation[0][0]
    assert saturation[1][1] == pytest.approx(saturation[0][1], abs=0.02)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 9), st.floats(0.2, 1))
def test_the_mean_luminance_stays_at_0_stops(left, right, seed, relightable):
    original = photo(seed, most=0.2)
    scene = lit(side(left, right), relightable=relightable)
    assert mean_luminance(scene.compose(original)) == pytest.approx(
        mean_luminance(original), rel=2e-3
    )


def test_a_stop_more_is_twice_the_light_of_the_lamp_but_not_of_its_surroundings():
    original = photo(most=0.1)
    means = [
        mean_luminance(lit(ones(0.5), intensity_stops=stops).compose(original)) for stops in (0, 1)
    ]
    assert means[1] / means[0] == pytest.approx((0.15 + 0.85) / (0.15 + 0.85 * 0.5), rel=1e-3)


def test_hue_and_black_stay():
    original = photo(most=0.3)
    original[3, 4] = 0
    relit = srgb_to_linear(lit(side(0.05, 0.4), residual=0.1).compose(original))
    assert relit[3, 4].max() == 0
    before = srgb_to_linear(original)
    is_seen = before.min(axis=-1) > 0.01
    before, relit = before[is_seen], relit[is_seen]
    np.testing.assert_allclose(
        relit / relit.sum(axis=-1, keepdims=True),
        before / before.sum(axis=-1, keepdims=True),
        atol=1e-3,
    )


def test_surfaces_that_no_lamp_lights_stay_as_they_are():
    original = photo(most=1.0)
    original[5, 6] = 1
    relit = lit(side(0.0, 1.0), relightable=0.0).compose(original)
    np.testing.assert_allclose(relit, original, atol=1e-5)


def test_the_photos_own_light_is_taken_out():
    own = np.log(side(0.5, 1.0))
    even = linear_to_srgb(np.repeat(side(0.1, 0.2)[..., None], 3, axis=-1))
    relit = srgb_to_linear(lit(ones(0.5), log_shading=own, removal=1.0).compose(even))
    assert relit.std() / relit.mean() < 1e-3
    kept = srgb_to_linear(lit(ones(0.5), log_shading=own, removal=0.0).compose(even))
    assert kept[:, 16:].mean() / kept[:, :16].mean() == pytest.approx(2, rel=1e-3)


def test_the_light_of_two_lamps_is_the_sum_of_each():
    original = photo(most=0.1)
    scene = lit(ones()).scene
    left, right = (LampLight(side(*s), ones(0.0)) for s in ((0.8, 0), (0, 0.8)))
    both = Lit(scene, [left, right], 0.15, 0.0).compose(original)
    np.testing.assert_allclose(both, lit(ones(0.8)).compose(original), atol=1e-5)


def test_each_lamp_has_its_own_colour():
    original = np.full((*SHAPE, 3), 0.4, np.float32)
    scene = lit(ones()).scene
    warm = LampLight(side(0.8, 0), ones(0.0), temperature_k=2700)
    cold = LampLight(side(0, 0.8), ones(0.0), temperature_k=10000)
    relit = Lit(scene, [warm, cold], 0.15, 0.0).compose(original)
    assert relit[:, :16, 0].mean() > relit[:, :16, 2].mean() + 0.1
    assert relit[:, 16:, 2].mean() > relit[:, 16:, 0].mean() + 0.05


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_empty_picture_and_a_dark_lamp_give_numbers(value):
    original = np.full((*SHAPE, 3), value, np.float32)
    for scene in (lit(ones(0.0)), lit(ones(0.0), residual=50.0), lit(ones(1e6), removal=1.0)):
        relit = scene.compose(original)
        assert np.isfinite(relit).all()
        assert relit.min() >= 0
        assert relit.max() <= 1


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([np.uint8, np.uint16]),
    st.integers(0, 99),
)
def test_of_a_picture_and_its_mirror_image_exactly_one_leans_left(height, width, dtype, seed):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, np.iinfo(dtype).max, (height, width, 3), dtype, endpoint=True)
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    if np.array_equal(pixels, mirrored):
        assert not leans_left(pixels)
    else:
        assert leans_left(pixels) != leans_left(mirrored)


def test_the_brighter_half_decides_which_way_a_picture_leans():
    pixels = np.zeros((8, 10, 3), np.uint8)
    pixels[:, 2] = 9
    assert leans_left(pixels)
    assert not leans_left(np.ascontiguousarray(pixels[:, ::-1]))
