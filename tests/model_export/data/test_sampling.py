"""Repainting a scene changes its surfaces, and not its lamps."""

import numpy as np
import pytest

from model_export.data.sampling import Paint
from service.contract.color import blackbody_rgb

LAMPS_K = (2500, 4500, 6500)


def repainted(colors, paint, temperature_k):
    """Return colours (..., 3), repainted."""
    return colors @ paint.matrix(temperature_k).T


@pytest.fixture
def reflectances():
    return np.random.default_rng(0).uniform(0.2, 0.8, (8, 8, 3)).astype(np.float32)


def test_no_paint_changes_nothing(reflectances):
    np.testing.assert_allclose(repainted(reflectances, Paint(), 4500), reflectances, atol=1e-9)


@pytest.mark.parametrize("temperature_k", LAMPS_K)
def test_grey_surfaces_keep_the_colour_of_their_lamp(temperature_k):
    grey = np.full((4, 4, 3), 0.5) * blackbody_rgb(temperature_k)
    paint = Paint(hue_degrees=120, saturation=0.4)
    np.testing.assert_allclose(repainted(grey, paint, temperature_k), grey, atol=1e-9)


def test_the_same_paint_gives_the_same_surface_under_every_lamp(reflectances):
    paint = Paint(hue_degrees=40, saturation=0.7)
    lamps = [blackbody_rgb(kelvin) for kelvin in LAMPS_K]
    seen = [
        repainted(reflectances * lamp, paint, kelvin) / lamp
        for kelvin, lamp in zip(LAMPS_K, lamps, strict=True)
    ]
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-6)
    np.testing.assert_allclose(seen[0], seen[2], atol=1e-6)


def test_a_third_of_a_turn_makes_red_green():
    red = np.array([[[0.6, 0.1, 0.1]]]) * blackbody_rgb(4500)
    green = np.array([[[0.1, 0.6, 0.1]]]) * blackbody_rgb(4500)
    np.testing.assert_allclose(repainted(red, Paint(hue_degrees=120), 4500), green, atol=1e-9)
