"""The file `depth` of `POST /relight`, over real HTTP: a caller's depth map lights the photo."""

from __future__ import annotations

import asyncio
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.client import AsyncClient, Client
from service.relighting.photo_reader import PhotoReader
from tests import http_client as http
from tests.relight.cli.relight_command import run
from tests.service.calls import metric, problem_of
from tests.service.stand_ins import decoded, encoded


def photo(height_px: int = 96, width_px: int = 96, seed: int = 0):
    """Grey, so that the tiny network reads a wall that leans back, at many depths."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(30, 200, height_px)[:, None, None]
    return (ramp + rng.integers(0, 20, (height_px, width_px, 1))).repeat(3, 2).astype(np.uint8)


def ridge(height_px: int = 96, width_px: int = 96, dtype=np.uint16):
    """White in the middle column: the left half faces left, the right half faces right."""
    rises = 1 - np.abs(np.linspace(-1, 1, width_px))
    white = np.iinfo(dtype).max
    return np.broadcast_to(rises * white, (height_px, width_px)).astype(dtype)


def png16(samples) -> bytes:
    return cv2.imencode(".png", samples)[1].tobytes()


def post(url, image: bytes, depth: bytes | None, **options) -> httpx.Response:
    files = {"image": ("a.png", image)} | ({} if depth is None else {"depth": ("d.png", depth)})
    return http.post(f"{url}/relight", files=files, params=options)


def relit(url, pixels, depth, **options) -> np.ndarray:
    file = None if depth is None else png16(depth)
    answer = post(url, encoded(pixels, "png"), file, format="png", **options)
    assert answer.status_code == 200, answer.text
    return decoded(answer.content).astype(float)


def right_over_left(picture) -> float:
    middle = picture.shape[1] // 2
    return picture[:, middle + 4 :].mean() / picture[:, : middle - 4].mean()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("azimuth", "white"), [(90, "near"), (270, "far")])
def test_the_depth_map_decides_which_side_faces_the_lamp(pair_url, dtype, azimuth, white):
    depth = ridge(dtype=dtype)
    asked = {"azimuth": azimuth, "elevation": 10, "depth_white": white}
    assert right_over_left(relit(pair_url, photo(), depth, **asked)) > 1.1
    opposite = asked | {"azimuth": 360 - azimuth}
    assert right_over_left(relit(pair_url, photo(), depth, **opposite)) < 0.9


def test_white_is_near_by_default(pair_url):
    asked = {"azimuth": 90, "elevation": 10}
    plain = relit(pair_url, photo(), ridge(), **asked)
    np.testing.assert_array_equal(
        plain, relit(pair_url, photo(), ridge(), depth_white="near", **asked)
    )
    inverted = 65535 - ridge()
    far = relit(pair_url, photo(), inverted, depth_white="far", **asked)
    assert right_over_left(far) > 1.1


def test_the_mask_counts_as_held_while_the_depth_is_read(pair_url, monkeypatch):
    read, seen = PhotoReader.read_depth, []

    def read_depth(*arguments, held_bytes, **more):
        seen.append(held_bytes)
        return read(*arguments, held_bytes=held_bytes, **more)

    monkeypatch.setattr(PhotoReader, "read_depth", read_depth)
    files = {"image": encoded(photo(), "png"), "depth": png16(ridge())}
    mask = png16(np.full((96, 96), 255, np.uint8))
    for more in ({}, {"mask": mask}):
        parts = {name: (name, data) for name, data in (files | more).items()}
        asked = {"azimuth": 90, "format": "png"}
        answer = http.post(f"{pair_url}/relight", files=parts, params=asked)
        assert answer.status_code == 200, answer.text
    assert seen[1] - seen[0] >= 96 * 96 > 10 * len(mask)


@settings(max_examples=12)
@given(
    seed=st.integers(0, 99),
    size=st.sampled_from([(64, 64), (96, 128), (300, 200), (60, 180)]),
    azimuth=st.integers(0, 359),
)
def test_the_depth_of_maps_put_back_gives_nearly_the_same_picture(pair_url, seed, size, azimuth):
    pixels = photo(*size, seed)
    with Client(pair_url) as client:
        file = client.maps(encoded(pixels, "png")).pictures["depth"]
    answer = post(pair_url, encoded(pixels, "png"), file, format="png", azimuth=azimuth)
    back = decoded(answer.content).astype(float)
    off = np.abs(back - relit(pair_url, pixels, None, azimuth=azimuth))
    assert off.mean() < 1 and np.percentile(off, 99) <= 4


@settings(max_examples=10)
@given(
    azimuth=st.integers(0, 360),
    seed=st.integers(0, 99),
    size=st.sampled_from([(64, 64), (61, 97), (200, 130), (40, 130)]),
)
def test_a_mirrored_photo_and_depth_under_the_mirrored_lamp_is_the_mirrored_answer(
    pair_url, azimuth, seed, size
):
    pixels = photo(*size, seed)
    depth = np.random.default_rng(seed).integers(0, 65535, (5, 8)).astype(np.uint16)
    depth = cv2.resize(depth, size[::-1], interpolation=cv2.INTER_CUBIC)
    one = relit(pair_url, pixels, depth, azimuth=azimuth)
    mirrored = [np.ascontiguousarray(x[:, ::-1]) for x in (pixels, depth)]
    other = relit(pair_url, *mirrored, azimuth=360 - azimuth)
    assert np.abs(one - other[:, ::-1]).max() <= 1


@pytest.mark.parametrize("size", [(24, 24), (96, 96), (400, 400)])
def test_any_size_with_the_photos_proportions_is_accepted(pair_url, size):
    asked = {"azimuth": 90, "elevation": 10}
    own = relit(pair_url, photo(), ridge(), **asked)
    assert np.abs(relit(pair_url, photo(), ridge(*size), **asked) - own).mean() < 4


def test_grey_saved_as_colour_is_grey_and_a_wall_is_a_wall(pair_url):
    asked = {"azimuth": 90, "elevation": 10}
    gray = ridge(dtype=np.uint8)
    colour = np.repeat(gray[..., None], 3, axis=2)
    np.testing.assert_array_equal(
        relit(pair_url, photo(), gray, **asked), relit(pair_url, photo(), colour, **asked)
    )
    wall = relit(pair_url, photo(), np.full((96, 96), 9000, np.uint16), **asked)
    assert right_over_left(wall) == pytest.approx(1, abs=0.12)  # the tiny residual leans


def test_it_costs_no_other_reading_of_the_scene_and_is_another_answer(pair_url):
    image = encoded(photo(seed=321), "png")
    scenes = 'relight_batch_size_sum{model="tiny-pair",part="scene"}'
    before = metric(pair_url, scenes)
    maps = [None, png16(ridge()), png16(ridge()[:, ::-1] // 2)]
    answers = [post(pair_url, image, depth, azimuth=70) for depth in maps]
    answers.append(post(pair_url, image, maps[1], azimuth=70, depth_white="far"))
    assert [a.headers["x-cache"] for a in answers] == ["miss", "scene", "scene", "scene"]
    assert len({a.headers["etag"] for a in answers}) == len({a.content for a in answers}) == 4
    assert metric(pair_url, scenes) - before == 1
    assert post(pair_url, image, maps[1], azimuth=70).headers["x-cache"] == "hit"


COLOURS = np.random.default_rng(0).integers(0, 255, (96, 96, 3)).astype(np.uint8)
HOLES = np.dstack([np.repeat(ridge(dtype=np.uint8)[..., None], 3, 2), ridge(dtype=np.uint8)])


@pytest.mark.parametrize(
    ("depth", "words"),
    [
        (b"no image", "none of"),
        (b"", "cannot be used"),
        (png16(ridge(90, 60)), "proportions of the photo, 96 x 96"),
        (png16(ridge())[:80], "cannot be used"),
        (png16(COLOURS), "colours"),
        (png16(HOLES), "every pixel"),
    ],
)
def test_a_depth_map_that_cannot_be_used_is_named(pair_url, depth, words):
    problem = problem_of(post(pair_url, encoded(photo(), "png"), depth))
    assert (problem["status"], problem["code"]) == (422, "invalid_option")
    assert problem["option"] == "depth"
    assert words in problem["detail"]


@pytest.mark.parametrize(
    ("depth", "options", "option"),
    [
        (png16(ridge()), {"model": "tiny-E-4500"}, "depth"),
        (png16(ridge()), {"color": "model"}, "color"),
        (png16(ridge()), {"depth_white": "black"}, "depth_white"),
        (None, {"depth_white": "far"}, "depth_white"),
    ],
)
def test_unusable_options_are_refused_by_name(pair_url, depth, options, option):
    problem = problem_of(post(pair_url, encoded(photo(), "png"), depth, **options))
    assert (problem["status"], problem["option"]) == (422, option)


def test_a_service_whose_models_do_not_compute_light_refuses_with_the_reason(url):
    problem = problem_of(post(url, encoded(photo(), "png"), png16(ridge())))
    assert (problem["code"], problem["option"]) == ("invalid_option", "depth")


def test_a_depth_map_belongs_to_one_photo_and_comes_once(pair_url):
    image, depth = ("a.png", encoded(photo(), "png")), ("d.png", png16(ridge()))
    batch = http.post(f"{pair_url}/relight/batch", files={"image": image, "depth": depth})
    assert problem_of(batch)["option"] == "depth"
    twice = [("image", image), ("depth", depth), ("depth", depth)]
    assert problem_of(http.post(f"{pair_url}/relight", files=twice))["code"] == "invalid_multipart"
    elsewhere = http.post(f"{pair_url}/maps", files={"image": image, "depth": depth})
    assert problem_of(elsewhere)["code"] == "invalid_multipart"


async def test_clients_and_the_command_send_it_with_a_mask(pair_url, pairs_dir, tmp_path: Path):
    mask = np.zeros((96, 96), np.uint8)
    mask[:, 48:] = 255
    files = {"photo": photo(), "depth": ridge(), "mask": mask}
    paths = {name: tmp_path / f"{name}.png" for name in files}
    for name, pixels in files.items():
        paths[name].write_bytes(png16(pixels))
    asked = {"azimuth": 90.0, "depth_white": "far"}
    with Client(pair_url) as client:
        whole = client.relight(paths["photo"], depth=paths["depth"], **asked).data
    expected = np.where(mask[..., None] > 0, decoded(whole), photo())
    async with AsyncClient(pair_url) as client:
        answer = await client.relight(
            paths["photo"], mask=paths["mask"], depth=paths["depth"].read_bytes(), **asked
        )
    np.testing.assert_array_equal(decoded(answer.data), expected)
    for more in (["--url", pair_url], []):
        out = tmp_path / "relit.png"
        command = ("image", paths["photo"], "--mask", paths["mask"], "--depth", paths["depth"])
        asked_for = ("--azimuth", "90", "--depth-white", "far", "-o", out, *more)
        done = await asyncio.to_thread(run, *command, *asked_for, RELIGHT_MODELS_DIR=pairs_dir)
        assert done.returncode == 0, done.stderr
        np.testing.assert_array_equal(decoded(out.read_bytes()), expected)
