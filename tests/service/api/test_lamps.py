"""The lamps of computed light: their colour, several at once, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from relight.lights import Lamps, parse_light
from tests.service.api.computed_light import (
    leaning,
    linear,
    photo,
    relit_png,
)
from tests.service.calls import problem_of, relight
from tests.service.pairs import PAIR
from tests.service.stand_ins import decoded, encoded


@pytest.mark.parametrize("gray", [False, True])
def test_a_lamps_color_is_that_of_the_light_it_gives(pair_url, gray):
    pixels = leaning(photo())
    if gray:
        pixels = pixels[..., 0]
    red, blue = (
        relit_png(pair_url, pixels, direction="E", lamp_color=color).astype(int)
        for color in ("#ff6040", "#4060ff")
    )
    assert (red[..., 0] - blue[..., 0]).mean() > 20
    assert (blue[..., 2] - red[..., 2]).mean() > 20


def test_white_of_any_brightness_is_the_neutral_lamp(pair_url):
    pixels = leaning(photo())
    plain = relit_png(pair_url, pixels, direction="E")
    for white in ("#ffffff", "#808080"):
        lit = relit_png(pair_url, pixels, direction="E", lamp_color=white)
        assert np.abs(lit.astype(int) - plain).max() <= 1


def test_two_lamps_of_two_colors_add(pair_url):
    pixels = leaning(photo())
    lamps = [
        {"azimuth": 90, "elevation": 10, "lamp_color": "#ff4040"},
        {"azimuth": 270, "elevation": 10, "lamp_color": "#4040ff"},
    ]
    lit = linear(relit_png(pair_url, pixels, lights=json.dumps(lamps))) / linear(pixels)
    balance = lit[..., 0] / lit[..., 2]
    assert balance[:, 36:].mean() > 1.5 * balance[:, :28].mean()


def test_x_light_gives_the_lamps_color(pair_url):
    answer = relight(pair_url, encoded(photo(), "png"), azimuth=60, lamp_color="#FFB060")
    (lamp,) = parse_light(answer.headers["x-light"]).lamps
    assert lamp.color == "#ffb060"
    other = relight(pair_url, encoded(photo(), "png"), azimuth=60, lamp_color="#ffb061")
    assert answer.headers["etag"] != other.headers["etag"]


def test_x_light_names_the_light_that_was_used(pair_url):
    answer = relight(
        pair_url, encoded(photo(), "png"), azimuth=60.5, softness=0.5, temperature=3200
    )
    light = parse_light(answer.headers["x-light"])
    assert isinstance(light, Lamps)
    (lamp,) = light.lamps
    assert (lamp.azimuth_deg, lamp.elevation_deg) == (60.5, PAIR.elevation_deg)
    assert (lamp.softness, lamp.intensity_stops, lamp.temperature_k) == (0.5, 0, 3200)
    assert answer.headers["x-model"].startswith("tiny-pair@")


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"azimuth": 90, "direction": "E"}, "azimuth"),
        ({"azimuth": 90, "light": "E-4500"}, "azimuth"),
        ({"azimuth": 361}, "azimuth"),
        ({"azimuth": "nan"}, "azimuth"),
        ({"elevation": -1}, "elevation"),
        ({"elevation": 91}, "elevation"),
        ({"softness": 1.1}, "softness"),
        ({"intensity": 2.5}, "intensity"),
        ({"lamp_color": "red"}, "lamp_color"),
        ({"lamp_color": "#000000"}, "lamp_color"),
        ({"lamp_color": "#ff0000", "temperature": 3000}, "lamp_color"),
        ({"lamp_color": "#ff0000", "light": "E-3000"}, "lamp_color"),
        ({"lights": '[{"lamp_color": "#ff00"}]'}, "lights"),
        ({"lights": '[{"lamp_color": "#ff0000", "temperature": 3000}]'}, "lights"),
        ({"model": "tiny-E-4500", "lamp_color": "#ff0000"}, "lamp_color"),
        ({"model": "tiny-pair", "color": "model"}, "color"),
        ({"azimuth": 90, "color": "model"}, "color"),
        ({"model": "tiny-E-4500", "azimuth": 90}, "azimuth"),
        ({"model": "tiny-E-4500", "direction": "E", "softness": 0.5}, "softness"),
    ],
)
def test_an_option_that_does_not_apply_is_refused_by_name(pair_url, options, option):
    problem = problem_of(relight(pair_url, encoded(photo(), "png"), **options))
    assert (problem["status"], problem["code"]) == (422, "invalid_option")
    assert problem["option"] == option


def test_two_lamps_light_both_sides_each_in_its_colour(pair_url):
    pixels = leaning(photo())
    lamps = '[{"azimuth": 90, "temperature": 2700}, {"direction": "W", "temperature": 10000}]'
    answer = relight(pair_url, encoded(pixels, "png"), lights=lamps, format="png")
    light = parse_light(answer.headers["x-light"])
    assert isinstance(light, Lamps)
    assert [lamp.azimuth_deg for lamp in light.lamps] == [90, 270]
    balance = decoded(answer.content).astype(int) - relit_png(pair_url, pixels, azimuth=180)
    redness = balance[..., 0] - balance[..., 2]
    assert redness[:, 36:].mean() > 20
    assert redness[:, :28].mean() < -2


def test_one_lamp_in_a_list_is_the_lamp_of_the_options(pair_url):
    data = encoded(photo(), "png")
    listed = relight(
        pair_url, data, lights='[{"azimuth": 60, "temperature": 3200, "intensity": 1}]'
    )
    plain = relight(pair_url, data, azimuth=60, temperature=3200, intensity=1)
    assert listed.content == plain.content
    assert listed.headers["x-light"] == plain.headers["x-light"]
    assert relight(pair_url, data, azimuth=60).content != plain.content


@pytest.mark.parametrize(
    "lights",
    [
        "",
        "[]",
        "{}",
        "east",
        '[{"azimuth": 400}]',
        '[{"azimuth": "60"}]',
        '[{"place": 60}]',
        '[{"azimuth": 90, "direction": "E"}]',
        "[" + ",".join(['{"azimuth": 60}'] * 5) + "]",
    ],
)
def test_impossible_lamps_are_refused(pair_url, lights):
    problem = problem_of(relight(pair_url, encoded(photo(), "png"), lights=lights))
    assert (problem["code"], problem["option"]) == ("invalid_option", "lights")


@pytest.mark.parametrize("name", ["azimuth", "elevation", "softness", "intensity"])
def test_lamps_stand_alone(pair_url, name):
    problem = problem_of(
        relight(pair_url, encoded(photo(), "png"), lights='[{"direction": "E"}]', **{name: 0})
    )
    assert (problem["code"], problem["option"]) == ("invalid_option", "lights")
