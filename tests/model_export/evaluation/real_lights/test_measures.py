"""What the measures of a change of light promise."""

import numpy as np
import pytest

from model_export.evaluation.real_lights.evenness import even_pictures, unevenness
from model_export.evaluation.real_lights.lamps import RING, nearest_direction, unit_vector
from model_export.evaluation.real_lights.measures import (
    change_of_light,
    contrast,
    fog,
    psnr_after_gain,
)
from relight.lights import DIRECTIONS
from service.contract.color import linear_to_srgb, srgb_to_linear
from tests.model_export.evaluation.real_lights.spheres import LAMPS, lit_by, sphere

MASK = sphere()[1]
EVERYWHERE = np.ones_like(MASK)
EAST, WEST, SOUTH = (lit_by(LAMPS[f"{side}.png"]) for side in ("east", "west", "south"))


def scaled(srgb, gain):
    """Return a picture with its linear light multiplied."""
    return linear_to_srgb(np.clip(srgb_to_linear(srgb.astype(np.float64)) * gain, 0, 1))


def blurred_log_ratio(a, b, mask):
    """Return log(a / b) at the mask as its definition says, step by step."""
    sigma = max(mask.shape) / 64
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()

    def blur(plane):
        for axis in (0, 1):
            padding = [(reach, reach) if axis == side else (0, 0) for side in (0, 1)]
            padded = np.pad(plane, padding, mode="reflect")
            plane = np.apply_along_axis(np.convolve, axis, padded, kernel, mode="valid")
        return plane

    def level(picture):
        linear = srgb_to_linear(picture.astype(np.float64)) @ (0.2126, 0.7152, 0.0722)
        return np.maximum(blur(linear * mask) / np.maximum(blur(mask * 1.0), 1e-6), 1 / 64)

    return np.log(level(a) / level(b))[mask]


def plane_taken(values, mask):
    y, x = np.nonzero(mask)
    terms = np.column_stack([np.ones(len(x)), x, y]).astype(float)
    return values - terms @ np.linalg.pinv(terms) @ values


@pytest.mark.parametrize("mask", [MASK, np.roll(EVERYWHERE, 3)], ids=["object", "whole picture"])
def test_a_change_of_light_follows_its_definitions(mask):
    output = scaled(EAST, 0.5 + 0.5 * np.linspace(0, 1, mask.shape[1])[None, :, None] ** 2)
    moved, should = (blurred_log_ratio(picture, SOUTH, mask) for picture in (output, WEST))
    local = np.corrcoef(plane_taken(moved, mask), plane_taken(should, mask))[0, 1]
    change = change_of_light(SOUTH, output, WEST, mask)
    assert change.direction == pytest.approx(np.corrcoef(moved, should)[0, 1], abs=1e-4)
    assert change.local == pytest.approx(local, abs=1e-4)
    assert change.amount == pytest.approx(np.polyfit(should, moved, 1)[0], abs=1e-4)


def test_the_difference_of_two_answers_follows_its_definition():
    answers = (lit_by(unit_vector(120, 60)), lit_by(unit_vector(200, 30)))
    shown, true = (
        plane_taken(blurred_log_ratio(*pair, MASK), MASK) for pair in (answers, (EAST, WEST))
    )
    found = contrast(answers, (EAST, WEST), MASK)
    assert found.r == pytest.approx(np.corrcoef(shown, true)[0, 1], abs=1e-4)
    assert found.slope == pytest.approx(np.polyfit(true, shown, 1)[0], abs=1e-4)


@pytest.mark.parametrize("exposure", [0.3, 1, 2.5])
def test_exposure_counts_for_nothing(exposure):
    target = np.clip(EAST, 0.1, 0.6)  # what the gain does not clip
    assert psnr_after_gain(scaled(target, exposure), target, MASK) > 60


def test_psnr_is_that_of_the_best_of_all_gains():
    target, output = EAST.astype(np.float64)[MASK], SOUTH.astype(np.float64)
    errors = [
        np.mean((scaled(output, gain)[MASK] - target) ** 2) for gain in np.geomspace(0.2, 5, 400)
    ]
    assert psnr_after_gain(SOUTH, EAST, MASK) == pytest.approx(
        -10 * np.log10(min(errors)), abs=0.01
    )


def test_the_true_photo_scores_one_and_the_unchanged_one_zero():
    truth, unchanged = (change_of_light(SOUTH, output, EAST, MASK) for output in (EAST, SOUTH))
    assert (truth.direction, truth.local, truth.amount) == pytest.approx((1, 1, 1))
    assert (unchanged.direction, unchanged.local, unchanged.amount) == (0, 0, 0)
    true, equal = (contrast(pair, (EAST, WEST), MASK) for pair in ((EAST, WEST), (SOUTH, SOUTH)))
    assert (true.r, true.slope) == pytest.approx((1, 1))
    assert (equal.r, equal.slope) == (0, 0)


def test_light_from_the_wrong_side_scores_below_zero():
    assert change_of_light(SOUTH, WEST, EAST, MASK).direction < -0.4
    assert contrast((WEST, EAST), (EAST, WEST), MASK).r == pytest.approx(-1)


def test_half_of_a_change_has_the_right_direction_and_half_the_amount():
    half = scaled(SOUTH, (srgb_to_linear(EAST) / srgb_to_linear(SOUTH)) ** 0.5)
    change = change_of_light(SOUTH, half, EAST, MASK)
    assert change.direction > 0.99
    assert change.amount == pytest.approx(0.5, abs=0.05)


def test_a_ramp_moves_light_but_nothing_beyond_a_ramp():
    x = np.linspace(-1, 1, MASK.shape[1])[None, :, None]
    east, west = (scaled(SOUTH, np.exp(0.7 * (side * x - 1))) for side in (1, -1))
    change = change_of_light(SOUTH, east, EAST, MASK)
    assert change.direction > 0.5
    assert change.local < change.direction - 0.3
    assert abs(contrast((east, west), (EAST, WEST), MASK).slope) < 0.1


def test_fog_is_how_many_times_brighter_the_background_became():
    lifted = np.where(MASK[..., None], EAST, scaled(EAST, 4))
    assert fog(EAST, lifted, MASK) == pytest.approx(4, rel=1e-3)
    assert fog(EAST, scaled(EAST, 0.5), MASK) == pytest.approx(1, rel=1e-3)  # exposure again


def test_fog_before_black_is_measured_against_a_fiftieth_of_the_object():
    black = np.where(MASK[..., None], EAST, 0).astype(np.float32)
    assert fog(black, black, MASK) == 0
    share = 0.06 * srgb_to_linear(EAST)[MASK].mean()
    lifted = np.where(MASK[..., None], EAST, linear_to_srgb(np.array(share)))
    assert fog(black, lifted, MASK) == pytest.approx(0.06 / 0.02, rel=0.02)


def test_fog_needs_an_object_before_a_background():
    assert fog(EAST, WEST, None) is None
    nearly_all = EVERYWHERE.copy()
    nearly_all[:3] = False
    assert fog(EAST, WEST, nearly_all) is None


@pytest.mark.parametrize("name", even_pictures())
def test_an_even_picture_may_become_a_smooth_gradient_and_nothing_else(name):
    photo = even_pictures()[name]
    height_px, width_px = photo.shape[:2]
    y, x = np.mgrid[-1 : 1 : height_px * 1j, -1 : 1 : width_px * 1j]
    assert unevenness(photo, photo) == 0
    gradient = np.exp(0.3 * x - 0.2 * y - 0.1 * x * x - 0.6)[..., None]
    assert unevenness(photo, scaled(photo, gradient)) < 0.005
    blot = 1 - 0.6 * np.exp(-((x - 0.3) ** 2 + (y + 0.2) ** 2) / 0.05)[..., None]
    assert unevenness(photo, scaled(photo, blot)) > 0.05


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_lamp_of_the_ring_is_nearest_to_its_own_direction(direction):
    assert np.linalg.norm(RING[direction]) == pytest.approx(1)
    assert nearest_direction(RING[direction]) == direction


def test_the_axes_are_right_up_and_to_the_viewer():
    np.testing.assert_allclose(unit_vector(90, 0), (1, 0, 0), atol=1e-12)
    np.testing.assert_allclose(unit_vector(180, 0), (0, 0, 1), atol=1e-12)
    np.testing.assert_allclose(unit_vector(0, 90), (0, 1, 0), atol=1e-12)
    assert nearest_direction(unit_vector(114, 22)) == "SE"
