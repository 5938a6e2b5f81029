"""The two halves meet in one file: what is exported is what is served."""

import io
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from model_export.export.writer import export_onnx
from relight.errors import ModelRefused
from service.app import create_app
from service.contract.golden import golden_path, read_golden, write_golden
from service.inference.canary import check_golden
from service.inference.session import Session
from service.settings import Settings
from tests import http_client as http
from tests.model_export.untrained import untrained
from tests.service.stand_ins import serving


@pytest.fixture(scope="module")
def checkpoint():
    """A network of the right shape, narrow and untrained."""
    return untrained(size_px=128)


@pytest.fixture(scope="module")
def model(checkpoint, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "untrained.onnx"
    export_onnx(
        checkpoint,
        "0" * 64,
        path,
        name="untrained",
        version="1",
        parity_shapes=[(128, 128), (112, 144)],
    )
    return path


@pytest.fixture(scope="module")
def url(model):
    with serving(create_app(Settings(models_dir=model.parent))) as address:
        yield address


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((128, 128), Image.Resampling.BICUBIC))


def relight(url, picture, **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png")
    answer = http.post(f"{url}/relight", params=options, content=file.getvalue())
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_the_service_answers_with_the_output_of_the_network(url, checkpoint, picture):
    planes = torch.from_numpy(picture.transpose(2, 0, 1).copy()).float()[None] / 127.5 - 1
    with torch.inference_mode():
        painted = checkpoint.network()(planes)[0].permute(1, 2, 0).numpy()
    served = relight(url, picture, direction="E", detail="model", color="model")
    np.testing.assert_allclose(served, (painted + 1) * 127.5, atol=1)


def test_light_from_the_west_is_the_mirror_of_light_from_the_east(url, picture):
    east = relight(url, picture[:, ::-1], direction="E", detail="model", color="model")
    west = relight(url, picture, direction="W", detail="model", color="model")
    np.testing.assert_allclose(west.astype(int), east[:, ::-1].astype(int), atol=1)


def test_the_catalogue_names_the_origin_of_the_weights(url):
    (model,) = http.get(f"{url}/models").json()["models"]
    assert model["name"] == "untrained"
    assert model["trained_on"] == "nothing"
    assert model["lights"] == ["E-4500"]


def test_the_service_compares_the_model_with_its_golden_output(model):
    assert golden_path(model).exists()
    check_golden(model, Session(model), num_lights=1)


def test_a_golden_output_of_another_model_is_refused(model, tmp_path):
    copy = tmp_path / "copy.onnx"
    shutil.copy(model, copy)
    image, relit = read_golden(golden_path(model))
    write_golden(golden_path(copy), image, 1 - relit)
    with pytest.raises(ModelRefused, match="golden"):
        check_golden(copy, Session(copy), num_lights=1)
