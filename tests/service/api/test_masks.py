"""The file `mask` of `POST /relight`, over real HTTP."""

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
from tests import http_client as http
from tests.relight.cli.relight_command import run
from tests.service.api.computed_light import linear
from tests.service.calls import problem_of
from tests.service.stand_ins import decoded, encoded


def photo(height_px: int = 90, width_px: int = 120):
    return np.random.default_rng(5).integers(40, 200, (height_px, width_px, 3)).astype(np.uint8)


def post(url, image: bytes, mask: bytes | None, **options) -> httpx.Response:
    files = {"image": ("a.png", image)} | ({} if mask is None else {"mask": ("m.png", mask)})
    return http.post(f"{url}/relight", files=files, params=options)


def relit(url, pixels, mask, **options) -> np.ndarray:
    file = None if mask is None else encoded(mask, "png")
    answer = post(url, encoded(pixels, "png"), file, format="png", **options)
    assert answer.status_code == 200, answer.text
    return decoded(answer.content)


@settings(max_examples=10)
@given(
    seed=st.integers(0, 999),
    size=st.sampled_from([(64, 64), (90, 120), (300, 200)]),
)
def test_black_keeps_every_bit_and_white_is_relit_in_full(url, seed, size):
    pixels = photo(*size)
    mask = (np.random.default_rng(seed).random(size) < 0.5).astype(np.uint8) * 255
    masked, plain = relit(url, pixels, mask), relit(url, pixels, None)
    np.testing.assert_array_equal(masked, np.where(mask[..., None] == 0, pixels, plain))
    assert (plain != pixels).mean() > 0.5


def test_grey_is_blended_in_linear_light(url):
    pixels = photo()
    mask = np.full(pixels.shape[:2], 102, np.uint8)
    plain = linear(relit(url, pixels, None))
    blended = linear(relit(url, pixels, mask))
    expected = linear(pixels) + 0.4 * (plain - linear(pixels))
    np.testing.assert_allclose(blended, expected, atol=0.006)


def test_a_small_mask_is_enlarged_with_soft_edges(url):
    pixels = photo(120, 160)
    mask = np.zeros((30, 40), np.uint8)
    mask[:, 20:] = 255
    masked, plain = relit(url, pixels, mask), relit(url, pixels, None)
    np.testing.assert_array_equal(masked[:, :76], pixels[:, :76])
    np.testing.assert_array_equal(masked[:, 84:], plain[:, 84:])


def test_transparent_parts_of_a_mask_are_black_and_colours_count_by_luminance(url):
    pixels = photo()
    mask = np.full((*pixels.shape[:2], 4), 255, np.uint8)
    mask[:, :60, 3] = 0
    masked = relit(url, pixels, mask)
    np.testing.assert_array_equal(masked[:, :60], pixels[:, :60])
    np.testing.assert_array_equal(masked[:, 60:], relit(url, pixels, None)[:, 60:])


def test_the_models_own_size_is_masked_as_well(url):
    pixels = photo()
    black = np.zeros((9, 12), np.uint8)
    kept = relit(url, pixels, black, detail="model")
    own = relit(url, pixels, None, detail="model", strength=0)
    np.testing.assert_array_equal(kept, own)


def test_16_bits_stay_outside(url):
    pixels = np.random.default_rng(1).integers(0, 65536, (80, 80, 3)).astype(np.uint16)
    mask = np.zeros((80, 80), np.uint16)
    mask[:, 40:] = 65535
    files = [cv2.imencode(".png", x)[1].tobytes() for x in (pixels, mask)]
    answer = post(url, *files, format="png")
    back = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert back.dtype == np.uint16
    np.testing.assert_array_equal(back[:, :40], pixels[:, :40])
    assert (back[:, 40:] != pixels[:, 40:]).mean() > 0.5


def test_another_mask_is_another_answer(url):
    image = encoded(photo(), "png")
    tags = [
        post(url, image, mask).headers["etag"]
        for mask in (None, encoded(photo()[..., 0], "png"), encoded(photo()[..., 1], "png"))
    ]
    assert len(set(tags)) == 3


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (b"no image", "none of"),
        (encoded(np.zeros((90, 90), np.uint8), "png"), "proportions of the photo, 120 x 90"),
        (encoded(np.zeros((90, 120), np.uint8), "png")[:60], "cannot be used"),
        (b"", "cannot be used"),
    ],
)
def test_a_mask_that_cannot_be_used_is_named(url, mask, words):
    problem = problem_of(post(url, encoded(photo(), "png"), mask))
    assert (problem["status"], problem["code"]) == (422, "invalid_option")
    assert problem["option"] == "mask"
    assert words in problem["detail"]


def test_a_mask_belongs_to_one_photo(url):
    png = encoded(photo(), "png")
    files = {"image": ("a.png", png), "mask": ("m.png", png)}
    problem = problem_of(http.post(f"{url}/relight/batch", files=files))
    assert (problem["code"], problem["option"]) == ("invalid_option", "mask")
    alone = problem_of(http.post(f"{url}/relight", files={"mask": ("m.png", png)}))
    assert alone["code"] == "missing_image"


async def test_clients_and_the_command_send_it(url, models_dir, tmp_path: Path):
    mask = np.zeros(photo().shape[:2], np.uint8)
    mask[:, 60:] = 255
    paths = [tmp_path / "photo.png", tmp_path / "mask.png"]
    for path, pixels in zip(paths, (photo(), mask), strict=True):
        path.write_bytes(encoded(pixels, "png"))
    expected = relit(url, photo(), mask)
    with Client(url) as client:
        data = client.relight(paths[0], mask=paths[1]).data
    np.testing.assert_array_equal(decoded(data), expected)
    async with AsyncClient(url) as client:
        data = (await client.relight(paths[0].read_bytes(), mask=paths[1].read_bytes())).data
    np.testing.assert_array_equal(decoded(data), expected)
    for more in (["--url", url], []):
        out = tmp_path / "relit.png"
        command = ("image", paths[0], "--mask", paths[1], "-o", out, *more)
        done = await asyncio.to_thread(run, *command, RELIGHT_MODELS_DIR=models_dir)
        assert done.returncode == 0, done.stderr
        np.testing.assert_array_equal(decoded(out.read_bytes()), expected)
