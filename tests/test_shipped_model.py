"""What the models in the repository promise, served as `make serve` serves them.

Load, caching and reloading are tested on tiny models, in `tests/service/api`.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from relight.client import Client
from relight.lights import DIRECTIONS, Light
from service.app import create_app
from service.contract.metadata import ModelContract
from service.contract.pair import PARTS, PairContract
from service.settings import Settings
from tests import http_client as http
from tests.service.stand_ins import serving

PACKAGE = Path(__file__).parents[1] / "service"
MODELS = PACKAGE / "models"
PHOTO = PACKAGE / "web" / "samples" / "coffee.jpg"
NAMES = ("drn-g", "drn-s")


@pytest.fixture(scope="module")
def url():
    with serving(create_app(Settings())) as address:
        yield address


def relight(url, photo=None, **options):
    body = PHOTO.read_bytes() if photo is None else photo
    answer = http.post(f"{url}/relight", params=options, content=body)
    answer.raise_for_status()
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(float)


def as_png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def tilt(picture):
    """How much brighter the right half is than the left, in stops."""
    middle = picture.shape[1] // 2
    return np.log2(picture[:, middle:].mean() / picture[:, :middle].mean())


def metadata(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.get_modelmeta().custom_metadata_map


@pytest.mark.parametrize("name", NAMES)
def test_the_files_of_a_model_are_small_enough_to_clone_and_have_their_card(name):
    files = sorted(MODELS.glob(f"{name}*.onnx"))

    assert sum(file.stat().st_size for file in files) < 16_000_000
    card = (MODELS / f"{name}.md").read_text()
    assert all(file.name in card for file in files)


def test_the_contract_of_drn_s_names_its_origin():
    contract = ModelContract.from_metadata(metadata(MODELS / "drn-s.onnx"))

    assert contract.name == "drn-s"
    assert contract.lights == tuple(Light(direction, 4500) for direction in DIRECTIONS)
    assert contract.license == "Apache-2.0"
    assert contract.metrics["psnr_db"] > contract.metrics["unchanged_psnr_db"] + 3
    assert contract.metrics["ssim"] > contract.metrics["unchanged_ssim"]


def test_the_contract_of_drn_g_names_its_origin():
    scene, light = (
        PairContract.from_metadata(metadata(MODELS / f"drn-g.{part}.onnx"), part) for part in PARTS
    )

    scene.check_twin(light)
    assert scene.name == "drn-g"
    assert scene.license == "Apache-2.0"
    assert "procedural scenes" in scene.trained_on


def test_drn_g_answers_unless_another_model_is_named(url):
    default = http.post(f"{url}/relight", content=PHOTO.read_bytes())
    named = http.post(f"{url}/relight?model=drn-s", content=PHOTO.read_bytes())

    assert default.headers["X-Model"].startswith("drn-g@")
    assert named.headers["X-Model"].startswith("drn-s@")


@pytest.mark.parametrize("model", NAMES)
def test_a_photo_is_lit_from_the_side_that_was_asked_for(url, model):
    east, west = (relight(url, direction=side, model=model) for side in "EW")
    with Image.open(PHOTO) as photo:
        assert east.shape[1::-1] == photo.size
    assert tilt(east) > tilt(west) + 0.2


@pytest.mark.parametrize("model", NAMES)
def test_each_direction_gives_a_picture_of_its_own(url, model):
    pictures = [relight(url, direction=side, model=model) for side in DIRECTIONS]
    for at, picture in enumerate(pictures):
        for other in pictures[at + 1 :]:
            assert np.abs(picture - other).mean() > 1  # of 255 steps


@pytest.mark.parametrize("model", NAMES)
def test_the_photo_keeps_its_exposure_and_its_hue(url, model):
    with Image.open(PHOTO) as file:
        photo = np.asarray(file).astype(float)
    east = relight(url, direction="E", model=model)
    assert east.mean() == pytest.approx(photo.mean(), rel=0.15)
    shares = [p.mean(axis=(0, 1)) / p.mean() for p in (photo, east)]
    np.testing.assert_allclose(shares[1], shares[0], atol=0.1)


@pytest.mark.parametrize("model", NAMES)
def test_a_warmer_lamp_makes_a_warmer_picture(url, model):
    warm, cool = (relight(url, temperature=k, model=model) for k in (3000, 9000))
    ratios = [p[..., 0].mean() / p[..., 2].mean() for p in (warm, cool)]
    assert ratios[0] > 1.5 * ratios[1]


def test_the_mirror_image_lit_from_the_other_side_is_the_mirrored_answer(url):
    with Image.open(PHOTO) as file:
        photo = np.asarray(file.convert("RGB"))
    straight = relight(url, as_png(photo), azimuth=70, elevation=30)
    mirrored = relight(url, as_png(photo[:, ::-1]), azimuth=290, elevation=30)

    assert np.abs(mirrored[:, ::-1] - straight).max() <= 1


def test_a_black_background_stays_black(url):
    photo = np.zeros((240, 320, 3), np.uint8)
    rows, columns = np.mgrid[:240, :320]
    ball = 1 - ((rows - 120) / 80) ** 2 - ((columns - 160) / 80) ** 2
    photo[ball > 0] = (np.sqrt(ball[ball > 0])[:, None] * 200).astype(np.uint8)

    lit = relight(url, as_png(photo), direction="E", format="png")

    outside = ((rows - 120) / 90) ** 2 + ((columns - 160) / 90) ** 2 > 1
    assert lit[outside].max() <= 2


def test_a_ball_in_even_light_is_lit_on_the_side_of_the_lamp(url):
    rows, columns = np.mgrid[:240, :320]
    ball = 1 - ((rows - 120) / 80) ** 2 - ((columns - 160) / 80) ** 2
    photo = np.full((240, 320, 3), 90, np.uint8)
    photo[ball > 0] = (130 + 60 * np.sqrt(ball[ball > 0]))[:, None].astype(np.uint8)
    east, west = (relight(url, as_png(photo), direction=side) for side in "EW")

    assert tilt(east[80:160, 100:220]) > tilt(west[80:160, 100:220]) + 0.3


@pytest.mark.parametrize("name", ["coffee.jpg", "arch.jpg", "astronaut.jpg"])
def test_its_own_depth_put_back_gives_nearly_the_same_picture(url, name):
    photo = (PHOTO.parent / name).read_bytes()
    with Client(url) as client:
        depth = client.maps(photo).pictures["depth"]
        for azimuth in (90, 225):
            asked = {"azimuth": azimuth, "elevation": 25, "softness": 0, "format": "png"}
            files = ({}, {"depth": depth})
            own, back = (client.relight(photo, **file, **asked).data for file in files)
            own, back = (np.asarray(Image.open(io.BytesIO(x))).astype(float) for x in (own, back))
            assert np.abs(own - back).mean() < 1
            assert np.abs(own - relight(url, photo, strength=0, format="png")).mean() > 10
