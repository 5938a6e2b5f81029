"""What the model in the repository promises, served as `make serve` serves it."""

import io
from pathlib import Path

import httpx
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from service.app import create_app
from service.contract import ModelContract
from service.lights import Light
from service.settings import Settings
from tests.service.stand_ins import serving

PACKAGE = Path(__file__).parents[1] / "service"
(MODEL,) = (PACKAGE / "models").glob("*.onnx")
PHOTO = PACKAGE / "web" / "samples" / "coffee.jpg"


@pytest.fixture(scope="module")
def url():
    with serving(create_app(Settings())) as address:
        yield address


def relight(url, **options):
    answer = httpx.post(
        f"{url}/relight", params=options, content=PHOTO.read_bytes(), timeout=50
    ).raise_for_status()
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(float)


def tilt(picture):
    """How much brighter the right half is than the left, in stops."""
    middle = picture.shape[1] // 2
    return np.log2(picture[:, middle:].mean() / picture[:, :middle].mean())


def test_the_file_is_small_enough_to_clone_and_has_its_card():
    assert MODEL.stat().st_size < 16_000_000
    card = MODEL.with_suffix(".md").read_text()
    assert MODEL.name in card
    assert "PSNR" in card or "psnr_db" in card


def test_its_contract_tells_where_it_comes_from():
    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    contract = ModelContract.from_metadata(session.get_modelmeta().custom_metadata_map)
    assert contract.name == MODEL.stem
    assert contract.lights == (Light("E", 4500),)
    assert contract.license == "Apache-2.0"
    assert contract.metrics["psnr_db"] > contract.metrics["unchanged_psnr_db"] + 2
    assert contract.metrics["ssim"] > contract.metrics["unchanged_ssim"]


def test_a_photo_is_lit_from_the_side_that_was_asked_for(url):
    east, west = relight(url, direction="E"), relight(url, direction="W")
    with Image.open(PHOTO) as photo:
        assert east.shape[1::-1] == photo.size
    assert tilt(east) > tilt(west) + 0.2


def test_the_photo_keeps_its_exposure_and_its_hue(url):
    with Image.open(PHOTO) as file:
        photo = np.asarray(file).astype(float)
    east = relight(url, direction="E")
    assert east.mean() == pytest.approx(photo.mean(), rel=0.15)
    shares = [p.mean(axis=(0, 1)) / p.mean() for p in (photo, east)]
    np.testing.assert_allclose(shares[1], shares[0], atol=0.1)


def test_a_warmer_lamp_makes_a_warmer_picture(url):
    warm, cool = relight(url, temperature=3000), relight(url, temperature=9000)
    ratios = [p[..., 0].mean() / p[..., 2].mean() for p in (warm, cool)]
    assert ratios[0] > 1.5 * ratios[1]
