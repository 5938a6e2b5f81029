from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from relight.errors import ModelRefused
from service.inference import session
from service.inference.session import CPU, Session
from tests.service.stand_ins import write_model


@pytest.mark.parametrize("num_threads", [1, 2, 3, 4])  # more and fewer images than threads
def test_a_batch_changes_nothing(tmp_path, num_threads):
    loaded = Session(write_model(tmp_path / "m.onnx"), device="cpu", num_threads=num_threads)
    images = np.random.default_rng(1).integers(0, 256, (3, 32, 48, 3), np.uint8)
    together = loaded.run({"image": images})["relit"]
    alone = np.concatenate([loaded.run({"image": image[None]})["relit"] for image in images])
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize(
    ("num_threads", "sizes"), [(1, [1]), (2, [1, 2]), (4, [1, 2, 4]), (6, [1, 2, 4, 6])]
)
def test_on_the_cpu_so_many_images_at_once_as_there_are_threads(tmp_path, num_threads, sizes):
    loaded = Session(write_model(tmp_path / "m.onnx"), device="cpu", num_threads=num_threads)
    assert loaded.useful_batch_sizes == sizes
    assert loaded.max_concurrency == num_threads


def test_calls_at_once_change_nothing(tmp_path):
    loaded = Session(write_model(tmp_path / "m.onnx"), device="cpu", num_threads=4)
    images = np.random.default_rng(1).integers(0, 256, (8, 1, 32, 48, 3), np.uint8)
    alone = [loaded.run({"image": image})["relit"] for image in images]
    for size in loaded.useful_batch_sizes:
        with ThreadPoolExecutor(size) as threads:
            runs = threads.map(lambda image: loaded.run({"image": image}, size), images)  # noqa: B023
            together = [outputs["relit"] for outputs in runs]
        np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_batch_that_fails_leaves_the_next_one_as_it_is(tmp_path):
    loaded = Session(write_model(tmp_path / "m.onnx"), device="cpu", num_threads=2)
    images = np.zeros((2, 32, 48, 3), np.uint8)
    with pytest.raises(Exception, match="Invalid rank"):
        loaded.run({"image": images[..., None]})
    assert loaded.run({"image": images})["relit"].shape == images.shape


def test_a_view_is_as_good_as_an_array(tmp_path):
    loaded = Session(write_model(tmp_path / "m.onnx"), device="cpu")
    images = np.random.default_rng(1).integers(0, 256, (1, 32, 48, 3), np.uint8)
    mirrored = images[:, :, ::-1]
    copied = loaded.run({"image": mirrored.copy()})["relit"]
    assert np.array_equal(loaded.run({"image": mirrored})["relit"], copied)


def test_the_provider_is_the_one_that_really_runs(tmp_path):
    assert Session(write_model(tmp_path / "m.onnx"), device="cpu").provider == CPU


def test_a_gpu_that_must_be_there_and_is_not_refuses_the_start(tmp_path):
    with pytest.raises(ModelRefused, match="GPU"):
        Session(write_model(tmp_path / "m.onnx"), device="cpu", require_gpu=True)


def test_a_node_that_falls_back_to_the_cpu_refuses_the_start_only_where_a_gpu_must_be_there(
    tmp_path, monkeypatch
):
    # This provider is in the CPU's wheel, comes up anywhere, and takes no node of ours.
    monkeypatch.setattr(session, "CUDA", "AzureExecutionProvider")
    monkeypatch.setattr(session, "_CUDA_OPTIONS", {})
    path = write_model(tmp_path / "m.onnx")
    assert Session(path, device="cuda").provider == "AzureExecutionProvider"
    with pytest.raises(ModelRefused, match="cannot run every node"):
        Session(path, device="cuda", require_gpu=True)
