from __future__ import annotations

import numpy as np
import pytest

from service.errors import ModelRefused
from service.inference.session import CPU, Session
from tests.service.stand_ins import write_model


def test_a_batch_changes_nothing(tmp_path):
    session = Session(write_model(tmp_path / "m.onnx"), device="cpu")
    images = np.random.default_rng(1).integers(0, 256, (3, 32, 48, 3), np.uint8)
    together = session.run(images, None)
    alone = np.concatenate([session.run(image[None], None) for image in images])
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_view_is_as_good_as_an_array(tmp_path):
    session = Session(write_model(tmp_path / "m.onnx"), device="cpu")
    images = np.random.default_rng(1).integers(0, 256, (1, 32, 48, 3), np.uint8)
    mirrored = images[:, :, ::-1]
    assert np.array_equal(session.run(mirrored, None), session.run(mirrored.copy(), None))


def test_the_provider_is_the_one_that_really_runs(tmp_path):
    assert Session(write_model(tmp_path / "m.onnx"), device="cpu").provider == CPU


def test_a_gpu_that_must_be_there_and_is_not_refuses_the_start(tmp_path):
    with pytest.raises(ModelRefused, match="GPU"):
        Session(write_model(tmp_path / "m.onnx"), device="cpu", require_gpu=True)
