"""Pixels of computed light, over real HTTP: a pair of graphs behind `POST /relight`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.lights import DIRECTIONS, azimuth_of, mirror_direction
from tests.service.api.computed_light import (
    leaning,
    linear,
    luminance,
    photo,
    relit_png,
)
from tests.service.calls import relight
from tests.service.pairs import PAIR, normals_of
from tests.service.stand_ins import encoded


@pytest.mark.parametrize(("azimuth", "brighter"), [(90, "right"), (270, "left")])
def test_the_lit_side_follows_the_azimuth(pair_url, azimuth, brighter):
    pixels = leaning(photo())
    change = luminance(relit_png(pair_url, pixels, azimuth=azimuth, elevation=10)) / luminance(
        pixels
    )
    left, right = change[:, :28].mean(), change[:, 36:].mean()
    assert (right > 1.3 * left) if brighter == "right" else (left > 1.3 * right)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_direction_is_an_azimuth_at_the_models_own_elevation_and_softness(pair_url, direction):
    by_name = relight(pair_url, encoded(photo(), "png"), direction=direction)
    by_azimuth = relight(
        pair_url,
        encoded(photo(), "png"),
        azimuth=azimuth_of(direction),
        elevation=PAIR.elevation_deg,
        softness=PAIR.softness,
        intensity=0,
    )
    assert by_name.content == by_azimuth.content
    assert by_name.headers["etag"] == by_azimuth.headers["etag"]
    assert by_name.headers["x-light"] == by_azimuth.headers["x-light"]


@settings(max_examples=15)
@given(
    azimuth=st.integers(0, 360),
    elevation=st.integers(0, 90),
    seed=st.integers(0, 9999),
    size=st.sampled_from([(64, 64), (70, 90), (61, 97), (300, 201), (40, 130)]),
)
def test_a_mirrored_photo_under_the_mirrored_lamp_is_the_mirrored_answer(
    pair_url, azimuth, elevation, seed, size
):
    pixels = photo(seed, *size)
    one = relit_png(pair_url, pixels, azimuth=azimuth, elevation=elevation)
    other = relit_png(pair_url, pixels[:, ::-1], azimuth=360 - azimuth, elevation=elevation)
    assert np.abs(one.astype(int) - other[:, ::-1]).max() <= 1


@pytest.mark.parametrize("direction", ["E", "SW", "N"])
def test_mirrored_photos_and_directions_also_match_at_the_models_size(pair_url, direction):
    pixels = photo(3, 300, 200)
    one = relit_png(pair_url, pixels, direction=direction, detail="model")
    back = mirror_direction(direction)
    other = relit_png(pair_url, pixels[:, ::-1], direction=back, detail="model")
    assert np.abs(one.astype(int) - other[:, ::-1]).max() <= 1


@settings(max_examples=10)
@given(seed=st.integers(0, 9999), azimuth=st.integers(0, 359), elevation=st.integers(0, 60))
def test_the_answer_follows_the_contract(pair_url, seed, azimuth, elevation):
    """The picture has the bucket's size, so that the formula can be held against every pixel."""
    pixels = photo(seed)
    answer = relit_png(pair_url, pixels, azimuth=azimuth, elevation=elevation, softness=0.1)
    around, above = np.radians(azimuth), np.radians(elevation)
    flat = np.cos(above)
    lamp = [flat * np.sin(around), np.sin(above), -flat * np.cos(around)]
    irradiance = 0.9 * np.maximum(normals_of(pixels) @ lamp, 0) + 0.05
    light = PAIR.ambient + (1 - PAIR.ambient) * irradiance
    own = pixels.mean(axis=-1) / 255 - 0.5
    residual = 0.2 * (np.arange(64) / 64 - 0.5)
    change = np.exp(np.log(light) - PAIR.removal * own + residual)
    change *= luminance(pixels).mean() / (luminance(pixels) * change).mean()
    relit = linear(pixels) * change[..., None]
    codes = np.where(relit < 0.0031308, 12.92 * relit, 1.055 * relit ** (1 / 2.4) - 0.055)
    is_below_the_shoulder = relit.max(axis=-1) < 0.85
    off = np.abs(answer - 255 * codes)[is_below_the_shoulder]
    assert off.max() < 1.6


def test_black_stays_black_and_hue_and_mean_luminance_stay(pair_url):
    pixels = photo(1)
    pixels[20:30, 20:30] = 0
    relit = relit_png(pair_url, pixels, azimuth=135, elevation=20)
    assert relit[21:29, 21:29].max() <= 1
    assert luminance(relit).mean() == pytest.approx(luminance(pixels).mean(), rel=0.02)
    before, after = linear(pixels)[40:], linear(relit)[40:]
    shares = before / before.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(after / after.sum(axis=-1, keepdims=True), shares, atol=0.02)


def test_pixels_that_no_lamp_lights_stay_as_they_are(pair_url):
    pixels = photo(2)
    pixels[:, :32, 2] = 255  # where the tiny network sees a sky
    relit = relit_png(pair_url, pixels, direction="W")
    assert np.abs(relit[:, :30].astype(int) - pixels[:, :30]).max() <= 1
    assert np.abs(relit[:, 34:].astype(int) - pixels[:, 34:]).max() > 3


def test_strength_0_gives_every_bit_back(pair_url):
    pixels = photo(4, 90, 70)
    np.testing.assert_array_equal(relit_png(pair_url, pixels, azimuth=77, strength=0), pixels)


def test_temperature_fill_and_strength_act_on_computed_light(pair_url):
    pixels = leaning(photo())
    plain = relit_png(pair_url, pixels, direction="E").astype(int)
    warm = relit_png(pair_url, pixels, direction="E", temperature=3000).astype(int)
    assert (warm[..., 0] - warm[..., 2]).mean() > (plain[..., 0] - plain[..., 2]).mean() + 15
    filled = relit_png(pair_url, pixels, direction="E", fill=0.5).astype(int)
    assert filled.mean() > plain.mean() + 5
    half = relit_png(pair_url, pixels, direction="E", strength=0.5).astype(int)
    low, high = np.minimum(plain, pixels), np.maximum(plain, pixels)
    assert ((half >= low - 1) & (half <= high + 1)).all()


def test_intensity_makes_the_lit_side_brighter(pair_url):
    pixels = leaning(photo())
    means = [
        relit_png(pair_url, pixels, direction="E", intensity=i)[:, 36:].mean() for i in (-1, 0, 1)
    ]
    assert means[0] + 5 < means[1] < means[2] - 5
