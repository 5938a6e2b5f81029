"""Lamps as callers write and read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relight.lights import DIRECTIONS, Lamp, Lamps, Light, azimuth_of, parse_light

LAMP = Lamp(azimuth_deg=60, elevation_deg=30, softness=0.2)


def close_to(*vector: float):
    return pytest.approx(vector, abs=1e-12)


@pytest.mark.parametrize(
    ("azimuth", "elevation", "vector"),
    [
        (0, 0, (0, 0, -1)),  # behind the scene
        (90, 0, (1, 0, 0)),  # image right
        (180, 0, (0, 0, 1)),  # behind the camera
        (270, 0, (-1, 0, 0)),
        (123, 90, (0, 1, 0)),  # above
        (90, 30, (math.sqrt(3) / 2, 0.5, 0)),
        (360, 0, (0, 0, -1)),
    ],
)
def test_a_lamp_stands_where_its_angles_say(azimuth, elevation, vector):
    lamp = Lamp(azimuth_deg=azimuth, elevation_deg=elevation, softness=0)
    assert lamp.vector == close_to(*vector)


@given(st.floats(0, 360), st.floats(0, 90))
def test_the_mirrored_lamp_differs_in_the_sign_of_x_alone(azimuth, elevation):
    x, y, z = Lamp(azimuth_deg=azimuth, elevation_deg=elevation, softness=0).vector
    mirrored = Lamp(azimuth_deg=360 - azimuth, elevation_deg=elevation, softness=0)
    assert mirrored.vector == pytest.approx((-x, y, z), abs=1e-7)


@given(st.integers(0, 3600), st.integers(0, 900))
def test_angles_of_a_tenth_of_a_degree_are_mirrored_to_the_last_bit(azimuth, elevation):
    x, y, z = Lamp(azimuth_deg=azimuth / 10, elevation_deg=elevation / 10, softness=0).vector
    other = Lamp(azimuth_deg=360 - azimuth / 10, elevation_deg=elevation / 10, softness=0)
    assert other.vector == (-x, y, z)


def test_the_eight_directions_go_round_clockwise():
    assert [azimuth_of(direction) for direction in DIRECTIONS] == [45 * n for n in range(8)]


def test_lamps_written_as_text_are_read_back():
    assert str(LAMP) == "lamp;azimuth=60;elevation=30;softness=0.2;intensity=0;temperature=6500"
    lamps = Lamps((LAMP, Lamp(azimuth_deg=0.125, elevation_deg=1, softness=1, intensity_stops=-2)))
    assert parse_light(str(lamps)) == lamps
    assert parse_light("E-4500") == Light("E", 4500)


@pytest.mark.parametrize("text", ["lamp", "lamp;azimuth=60", "lamp;azimuth", "lamp;azimuth=x;", ""])
def test_another_form_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_light(text)
