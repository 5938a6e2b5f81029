"""`POST /maps`, over real HTTP: the files hold what the network read, in their conventions."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile

import cv2
import numpy as np
import pytest

from relight.client import AsyncClient, Client
from service.app import create_app
from service.relighting.maps import FOCAL_HALF_SIDES, NAMES
from service.settings import Settings
from tests import http_client as http
from tests.relight.cli.relight_command import run
from tests.service.api.computed_light import KNOBS, linear, photo
from tests.service.calls import metric, problem_of, relight, wait_until
from tests.service.pairs import normals_of
from tests.service.stand_ins import encoded, serving

SCENES = 'relight_batch_size_sum{model="tiny-pair",part="scene"}'


def maps_of(url, pixels, **options):
    """The pictures, 0 to 1, and what is said of them."""
    answer = http.post(
        f"{url}/maps", content=encoded(pixels, "png"), params=options
    ).raise_for_status()
    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.namelist() == [*(f"{name}.png" for name in NAMES), "maps.json"]
    pictures = {}
    for name in NAMES:
        samples = cv2.imdecode(np.frombuffer(archive.read(f"{name}.png"), np.uint8), -1)
        assert samples.dtype == np.uint16
        pictures[name] = (samples[..., ::-1] if samples.ndim == 3 else samples) / 65535
    return pictures, json.loads(archive.read("maps.json")), answer


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("flip", [1, -1])
def test_normals_point_right_up_and_to_the_viewer_in_every_orientation(pair_url, seed, flip):
    pixels = np.ascontiguousarray(photo(seed)[:, ::flip])  # one of both is seen mirrored
    pictures, _, _ = maps_of(pair_url, pixels)
    read = 2 * pictures["normals"] - 1
    expected = normals_of(pixels)
    if flip == -1:  # the tiny network reads colours: its x is that of the mirrored picture
        expected = expected * [-1, 1, 1]
    np.testing.assert_allclose(read, expected, atol=2e-3)


def test_depth_is_inverse_and_white_is_near(pair_url):
    pixels = photo(3)
    pictures, about, _ = maps_of(pair_url, pixels)
    relief = pixels.mean(axis=-1) / 255
    black, white = about["depth"]["black"], about["depth"]["white"]
    read = FOCAL_HALF_SIDES * np.log(black + (white - black) * pictures["depth"])
    np.testing.assert_allclose(read, relief, atol=2e-3)
    assert (pictures["depth"].min(), pictures["depth"].max()) == (0, 1)


def test_albedo_times_shading_is_the_photo(pair_url):
    pixels = photo(4)
    pictures, about, _ = maps_of(pair_url, pixels)
    albedo = about["albedo"]["white"] * linear(255 * pictures["albedo"])
    shading = about["shading"]["white"] * pictures["shading"]
    product = albedo * shading[..., None]
    below_white = (pictures["albedo"] < 1).all(axis=-1) & (pictures["shading"] < 1)
    assert below_white.mean() > 0.95
    np.testing.assert_allclose(product[below_white], linear(pixels)[below_white], atol=2e-3)


@pytest.mark.parametrize("size", [(60, 90), (200, 100), (40, 300)])
def test_maps_have_the_proportions_of_the_photo(pair_url, size):
    pictures, about, _ = maps_of(pair_url, photo(5, *size))
    height_px, width_px = pictures["shading"].shape
    assert (about["height_px"], about["width_px"]) == (height_px, width_px)
    assert abs(height_px * size[1] / size[0] - width_px) <= max(1, size[1] / size[0])
    assert about["photo"] == {"width_px": size[1], "height_px": size[0]}


def test_maps_and_relit_photos_share_one_reading_of_the_scene(pair_url):
    pixels = photo(6, 70, 90)
    before = metric(pair_url, SCENES)
    _, about, first = maps_of(pair_url, pixels)
    relit = relight(pair_url, encoded(pixels, "png"), azimuth=40)
    _, _, again = maps_of(pair_url, pixels)
    assert [a.headers["x-cache"] for a in (first, relit, again)] == ["miss", "scene", "hit"]
    assert metric(pair_url, SCENES) - before == 1
    assert about["model"] == first.headers["x-model"] == relit.headers["x-model"]
    assert "scene;dur" in first.headers["server-timing"]


def test_maps_are_counted_as_photos_are(pair_url):
    body = encoded(photo(7, 70, 90), "png")
    names = {
        "relight_http_request_body_bytes_sum": len(body),
        "relight_http_response_body_bytes_count": 1,
        'relight_cache_requests_total{origin="miss"}': 1,
        'relight_stage_duration_seconds_count{stage="scene"}': 1,
        'relight_stage_duration_seconds_count{stage="encode"}': 1,
    }
    before = {name: metric(pair_url, name) for name in names}
    answer = http.post(f"{pair_url}/maps", content=body)
    assert answer.status_code == 200
    assert {name: metric(pair_url, name) - before[name] for name in names} == names
    for held in ('relight_requests_outstanding{priority="interactive"}', "relight_bytes_in_flight"):
        wait_until(lambda held=held: metric(pair_url, held) == 0)


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"model": "tiny-E-4500"}, "model"),
        ({"model": "best"}, "model"),
        ({"azimuth": 3}, "azimuth"),
    ],
)
def test_an_option_that_does_not_apply_is_refused_by_name(pair_url, options, option):
    answer = http.post(f"{pair_url}/maps", content=encoded(photo(0), "png"), params=options)
    problem = problem_of(answer)
    assert (problem["status"], problem["code"]) == (422, "invalid_option")
    assert problem["option"] == option
    if option == "model":
        assert problem["allowed"] == ["tiny-pair"]


def test_a_service_without_such_a_model_refuses_with_the_reason(url, png):
    problem = problem_of(http.post(f"{url}/maps", content=png))
    assert (problem["option"], problem["allowed"]) == ("model", [])


@pytest.mark.parametrize(("body", "code"), [(b"", "missing_image"), (b"no photo", None)])
def test_a_body_that_is_no_photo_is_a_problem(pair_url, body, code):
    problem = problem_of(http.post(f"{pair_url}/maps", content=body))
    assert problem["code"] == (code or "unsupported_media_type")


@pytest.mark.parametrize(
    ("knobs", "headers", "code"),
    [
        ({}, {"X-Request-Timeout-Ms": "1"}, "deadline_exceeded"),
        ({"max_working_bytes": 10_000}, {}, "image_too_large"),
        ({"max_inflight_bytes": 30_000}, {}, "image_too_large"),
        ({"max_pixels": 1000}, {}, "image_too_large"),
    ],
)
def test_maps_keep_within_the_bounds_of_relighting(pairs_dir, knobs, headers, code):
    body = encoded(photo(6, 90, 60), "png")
    with serving(create_app(Settings(models_dir=pairs_dir, **KNOBS | knobs))) as url:
        answers = [
            http.post(f"{url}{path}", content=body, headers=headers)
            for path in ("/relight", "/maps")
        ]
        assert [problem_of(answer)["code"] for answer in answers] == [code, code]
        wait_until(lambda: metric(url, "relight_bytes_in_flight") == 0)


async def test_clients_and_the_command_give_the_same_pictures(pair_url, pairs_dir, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(photo(7), "png"))
    with Client(pair_url) as client:
        made = client.maps(path)
    async with AsyncClient(pair_url) as client:
        assert (await client.maps(path, model="tiny-pair")).pictures == made.pictures
    assert set(made.pictures) == set(NAMES)
    assert made.about["width_px"] == 64
    for more in (["--url", pair_url], []):
        out = tmp_path / f"maps{len(more)}.zip"
        done = await asyncio.to_thread(
            run, "maps", path, "-o", out, *more, RELIGHT_MODELS_DIR=pairs_dir
        )
        assert done.returncode == 0, done.stderr
        with zipfile.ZipFile(out) as archive:
            assert archive.read("normals.png") == made.pictures["normals"]
    assert "name must end in .zip" in run("maps", path, "-o", tmp_path / "maps.tar").stderr
