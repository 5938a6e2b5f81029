"""The file `reference` of `POST /relight`, over real HTTP: the light of another photo."""

from __future__ import annotations

import httpx
import numpy as np
import pytest

from relight.client import Client
from relight.errors import LightUnreadable
from relight.lights import Lamp, parse_light
from service.relighting.reference import read_lamp
from tests import http_client as http
from tests.service.calls import metric, problem_of
from tests.service.pairs import PAIR
from tests.service.stand_ins import decoded, encoded


def bumps(size_px: int = 64):
    """Normals of many small bumps, (h, w, 3)."""
    rng = np.random.default_rng(3)
    raw = np.dstack([rng.normal(0, 0.6, (size_px, size_px, 2)), np.ones((size_px, size_px))])
    return raw / np.linalg.norm(raw, axis=-1, keepdims=True)


def scene_under(lamp: Lamp, share: float, size_px: int = 64):
    """What a perfect network would read of bumps under a lamp and light from all around."""
    normals = bumps(size_px)
    shading = share * np.maximum(normals @ np.array(lamp.vector), 0) + (1 - share)
    ones = np.ones((size_px, size_px))
    return {
        "normals": normals,
        "log_shading": np.log(shading),
        "occlusion": ones,
        "relightable": ones,
    }


GREY = np.full((64, 64, 3), 0.5, np.float32)


@pytest.mark.parametrize("azimuth", [95, 130, 180, 230, 265, 60])
@pytest.mark.parametrize("elevation", [0, 30, 70])
def test_a_lamp_that_the_shading_shows_is_read_exactly(azimuth, elevation):
    lamp = Lamp(azimuth_deg=azimuth, elevation_deg=elevation, softness=0.2)
    read = read_lamp(GREY, scene_under(lamp, 0.8), PAIR, mirrored=False)
    assert np.dot(read.vector, lamp.vector) > np.cos(np.radians(1))
    mirrored = read_lamp(GREY, scene_under(lamp, 0.8), PAIR, mirrored=True)
    assert mirrored.azimuth_deg == pytest.approx((360 - read.azimuth_deg) % 360, abs=0.11)


def test_less_directed_light_is_softer_and_warm_light_is_warm():
    lamp = Lamp(azimuth_deg=120, elevation_deg=30, softness=0)
    shares = (0.95, 0.7, 0.4, 0.2)
    read = [read_lamp(GREY, scene_under(lamp, s), PAIR, mirrored=False) for s in shares]
    assert [lamp.softness for lamp in read] == sorted({lamp.softness for lamp in read})
    assert read[0].temperature_k == pytest.approx(6500, rel=0.03)
    warm = GREY * np.array([1.2, 1.0, 0.7], np.float32)
    assert read_lamp(warm, scene_under(lamp, 0.7), PAIR, mirrored=False).temperature_k < 4500


@pytest.mark.parametrize("share", [0.0, 0.02])
def test_light_from_all_sides_has_no_direction(share):
    lamp = Lamp(azimuth_deg=120, elevation_deg=30, softness=0)
    with pytest.raises(LightUnreadable, match="a single direction"):
        read_lamp(GREY, scene_under(lamp, share), PAIR, mirrored=False)
    with pytest.raises(LightUnreadable, match="too little"):
        read_lamp(0 * GREY, scene_under(lamp, 0.8), PAIR, mirrored=False)


def reference(brighter: str = "right", seed: int = 9):
    """The tiny network sees a photo whose one side is brighter and faces that way."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(50, 60, (64, 64, 3))
    pixels[:, :32] += [0, 30, 90]  # faces left
    pixels[:, 32:] += [90, 30, 0]  # faces right
    pixels[:, 32:] += 60
    seen = pixels if brighter == "right" else pixels[:, ::-1]
    return encoded(np.ascontiguousarray(seen.astype(np.uint8)), "png")


def photo(seed: int = 4):
    rng = np.random.default_rng(seed)
    return encoded(rng.integers(60, 160, (64, 64, 3)).astype(np.uint8), "png")


def post(url, **files_and_options) -> httpx.Response:
    files = {n: ("a.png", v) for n, v in files_and_options.items() if isinstance(v, bytes)}
    options = {n: v for n, v in files_and_options.items() if not isinstance(v, bytes)}
    return http.post(f"{url}/relight", files=files, params=options)


@pytest.mark.parametrize(("side", "sign"), [("right", 1), ("left", -1)])
def test_the_light_that_was_read_is_reported_and_used(pair_url, side, sign):
    answer = post(pair_url, image=photo(), reference=reference(side), format="png")
    assert answer.status_code == 200, answer.text
    (lamp,) = parse_light(answer.headers["x-light"]).lamps
    assert sign * lamp.vector[0] > 0.2
    asked = {
        "azimuth": lamp.azimuth_deg,
        "elevation": lamp.elevation_deg,
        "softness": lamp.softness,
        "temperature": lamp.temperature_k,
    }
    plain = post(pair_url, image=photo(), format="png", **asked)
    np.testing.assert_array_equal(decoded(answer.content), decoded(plain.content))
    assert answer.headers["etag"] == plain.headers["etag"]


def test_requested_options_replace_the_light_that_was_read(pair_url):
    files = {"image": photo(), "reference": reference()}
    answer = post(pair_url, softness=0.77, temperature=3000, intensity=1, **files)
    (lamp,) = parse_light(answer.headers["x-light"]).lamps
    assert (lamp.softness, lamp.temperature_k, lamp.intensity_stops) == (0.77, 3000, 1)
    answer = post(pair_url, lamp_color="#ff8040", **files)
    assert parse_light(answer.headers["x-light"]).lamps[0].color == "#ff8040"


def test_a_reference_is_read_once(pair_url):
    scenes = 'relight_batch_size_sum{model="tiny-pair",part="scene"}'
    before = metric(pair_url, scenes)
    files = {"image": photo(seed=5), "reference": reference(seed=10)}  # no other test sends these
    for softness in (0.1, 0.2, 0.3):
        answer = post(pair_url, softness=softness, **files)
        assert answer.status_code == 200, answer.text
    assert metric(pair_url, scenes) - before == 2


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"direction": "E"}, "direction"),
        ({"azimuth": 20}, "azimuth"),
        ({"elevation": 20}, "elevation"),
        ({"light": "E-4500"}, "light"),
        ({"lights": '[{"azimuth": 60}]'}, "lights"),
        ({"model": "tiny-E-4500"}, "reference"),
        ({"reference": b"no photo"}, "reference"),
        ({"reference": b""}, "reference"),
    ],
)
def test_unusable_options_are_refused_by_name(pair_url, options, option):
    problem = problem_of(post(pair_url, **({"image": photo(), "reference": reference()} | options)))
    assert (problem["status"], problem["code"], problem["option"]) == (
        422,
        "invalid_option",
        option,
    )


def test_a_photo_without_a_direction_of_light_is_a_problem_of_its_own(pair_url):
    even = encoded(np.full((64, 64, 3), 128, np.uint8), "png")
    problem = problem_of(post(pair_url, image=photo(), reference=even))
    assert (problem["status"], problem["code"]) == (422, "light_unreadable")


def test_the_client_sends_it(pair_url):
    with Client(pair_url) as client:
        relit = client.relight(photo(), reference=reference("left"))
        assert relit.light.lamps[0].vector[0] < 0
        with pytest.raises(LightUnreadable):
            client.relight(photo(), reference=encoded(np.full((64, 64, 3), 128, np.uint8), "png"))
