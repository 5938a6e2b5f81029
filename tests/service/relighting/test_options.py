from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relight.errors import InvalidOption
from relight.lights import DIRECTIONS
from service.imaging.formats import ANSWER_FORMATS
from service.relighting.options import RelightOptions


def parse(**fields: str) -> RelightOptions:
    return RelightOptions.parse(fields.items())


def test_light_is_short_for_direction_and_temperature():
    options = parse(light="NW-3000")
    assert (options.wanted_direction, options.wanted_temperature_k) == ("NW", 3000)
    same = parse(direction="NW", temperature="3000")
    assert (same.wanted_direction, same.wanted_temperature_k) == ("NW", 3000)


def test_the_default_is_the_models_own_light_from_the_east():
    assert (parse().wanted_direction, parse().wanted_temperature_k) == ("E", None)


@pytest.mark.parametrize(
    "fields",
    [
        {"light": "E"},
        {"light": "E-1999"},
        {"light": "E-99999"},
        {"light": "E-4500", "direction": "E"},
        {"light": "E-4500", "temperature": "4500"},
        {"strength": "1.01"},
        {"strength": "nan"},
        {"fill": "-0.1"},
        {"quality": "0"},
        {"quality": "101"},
        {"temperature": "4500.5"},
        {"detail": "half"},
        {"metadata": "some"},
    ],
)
def test_a_value_that_is_not_allowed_is_refused(fields):
    with pytest.raises(InvalidOption) as refusal:
        parse(**fields)
    assert refusal.value.option in fields


def test_an_option_given_twice_is_refused():
    with pytest.raises(InvalidOption, match="twice"):
        RelightOptions.parse([("strength", "1"), ("strength", "0")])


def test_the_public_vocabulary_agrees_with_the_modules_that_own_it():
    properties = RelightOptions.model_json_schema()["properties"]

    def words(name):
        return tuple(next(o["enum"] for o in properties[name]["anyOf"] if "enum" in o))

    assert words("direction") == DIRECTIONS
    assert words("format") == ANSWER_FORMATS


@given(fields=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_every_request_either_fits_or_is_refused_by_name(fields):
    try:
        parse(**fields)
    except InvalidOption as refusal:
        assert refusal.option in fields
