"""The light of several lamps is the sum of each one's, seen from outside: in the pictures.

With E the light that arrives, o the occlusion (1 here), a the ambient share and d s the old light
that is taken out, a picture is Y = g X exp(-d s) (a o + (1 - a) E), with one gain g for the whole
of it. So Y12 / g12 = Y1 / g1 + Y2 / g2 - a X exp(-d s): three factors explain every pixel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.app import create_app
from service.settings import Settings
from tests.service.api.computed_light import linear
from tests.service.calls import relight
from tests.service.pairs import PAIR, write_pair
from tests.service.stand_ins import decoded, encoded, serving


@pytest.fixture(scope="module")
def even_url(tmp_path_factory) -> Iterator[str]:
    """A service whose tiny model corrects nothing: its light is what the lamps give."""
    folder = tmp_path_factory.mktemp("even")
    write_pair(folder, asymmetry=0.0)
    with serving(create_app(Settings(models_dir=folder, providers="cpu"))) as address:
        yield address


def lit(url: str, data: bytes, lamps) -> np.ndarray:
    answer = relight(url, data, lights=json.dumps(lamps), format="png")
    assert answer.status_code == 200, answer.text
    return linear(decoded(answer.content))


azimuths = st.integers(95, 265)  # in front of the scene, so that each lamp lights some of it


@settings(max_examples=12)
@given(seed=st.integers(0, 99), one=azimuths, other=azimuths, softness=st.floats(0, 0.5))
def test_the_light_of_two_lamps_is_the_sum_of_each(even_url, seed, one, other, softness):
    rng = np.random.default_rng(seed)
    base = rng.integers(60, 130, (64, 64, 3)).astype(np.uint8)  # the bucket's own size
    photo, data = linear(base), encoded(base, "png")
    lamps = [
        {"azimuth": azimuth, "elevation": 20, "softness": softness} for azimuth in (one, other)
    ]
    first, second = (lit(even_url, data, [lamp]) for lamp in lamps)
    both = lit(even_url, data, lamps)
    old = np.exp(-PAIR.removal * (base.mean(axis=-1) / 255 - 0.5))[..., None]
    terms = [first, second, photo * old]
    usable = np.maximum.reduce([first, second, both]).max(axis=-1) < 0.7  # under the shoulder
    columns = np.stack([term[usable].ravel() for term in terms], axis=1)
    factors, *_ = np.linalg.lstsq(columns, both[usable].ravel(), rcond=None)
    off = np.abs(columns @ factors - both[usable].ravel())
    assert off.max() < 0.012  # steps of 8 bits, in linear light
    if one != other:
        assert factors[0] > 0.1 and factors[1] > 0.1 and factors[2] < 0


def test_the_same_lamp_twice_is_that_lamp(even_url):
    base = np.random.default_rng(0).integers(60, 130, (64, 64, 3)).astype(np.uint8)
    lamp = {"azimuth": 120, "elevation": 20, "softness": 1.0}
    once, twice = (lit(even_url, encoded(base, "png"), [lamp] * n) for n in (1, 2))
    assert np.abs(once - twice).max() < 0.08  # the share of ambient light alone is less
