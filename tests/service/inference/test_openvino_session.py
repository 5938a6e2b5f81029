from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from relight.errors import ModelRefused
from service.contract.pair import SCENE_OUTPUTS
from service.inference.canary import check_pair_golden
from service.inference.openvino_session import OpenVinoSession
from service.inference.session import Session

_SCENE = Path("service/models/drn-g.scene.onnx")


@pytest.fixture(scope="module")
def scene():
    pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
    return OpenVinoSession(_SCENE, num_threads=2)


def test_the_shipped_scene_graph_reads_its_golden_picture(scene):
    light = Session(_SCENE.with_name("drn-g.light.onnx"), device="cpu")
    check_pair_golden(_SCENE, scene, light)


def test_it_is_described_as_its_file_is(scene):
    same = Session(_SCENE, device="cpu", num_threads=2)
    assert scene.metadata == same.metadata
    assert (scene.inputs, scene.outputs) == (same.inputs, same.outputs)
    assert scene.useful_batch_sizes == same.useful_batch_sizes
    assert scene.max_concurrency == 2


def test_calls_at_once_and_of_other_shapes_change_nothing(scene):
    noise = np.random.default_rng(1)
    images = [noise.integers(0, 256, (1, 64, 32 * n, 3), np.uint8) for n in (2, 3, 2, 3, 2, 3)]
    alone = [scene.run({"image": image}) for image in images]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda image: scene.run({"image": image}, 2), images))
    for one, other in zip(alone, together, strict=True):
        for name in SCENE_OUTPUTS:
            np.testing.assert_allclose(one[name], other[name], atol=1e-5)


def test_a_broken_file_is_refused(tmp_path):
    path = tmp_path / "m.scene.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelRefused):
        OpenVinoSession(path)


def test_where_openvino_is_missing_the_reason_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModelRefused, match=r"relight\[openvino\]"):
        OpenVinoSession(_SCENE)
