from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from relight.errors import ModelRefused
from service.contract.golden import golden_path, read_pair_golden, round_scene, write_pair_golden
from service.contract.pair import LIGHT_OUTPUTS, PARTS, SCENE_OUTPUTS, PairContract
from tests.service.pairs import PAIR


@pytest.mark.parametrize("part", PARTS)
def test_the_promise_comes_back_as_it_was_written(part):
    assert PairContract.from_metadata(PAIR.to_metadata(part), part) == PAIR


def test_one_part_is_not_taken_for_the_other():
    with pytest.raises(ModelRefused, match="part is 'light', not 'scene'"):
        PairContract.from_metadata(PAIR.to_metadata("light"), "scene")


@pytest.mark.parametrize("key", PAIR.to_metadata("scene"))
def test_a_promise_without_any_of_its_keys_is_refused(key):
    metadata = PAIR.to_metadata("scene")
    del metadata[key]
    with pytest.raises(ModelRefused, match=key):
        PairContract.from_metadata(metadata, "scene")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("elevation_deg", "91"),
        ("softness", "-0.1"),
        ("ambient", "nan"),
        ("removal", "much"),
        ("size_px", "100"),
        ("metrics", "{"),
        ("format", "relight/1"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused(key, value):
    with pytest.raises(ModelRefused):
        PairContract.from_metadata(PAIR.to_metadata("scene") | {key: value}, "scene")


def test_parts_of_different_pairs_are_refused():
    PAIR.check_twin(PAIR)
    with pytest.raises(ModelRefused, match="pair_sha256"):
        PAIR.check_twin(replace(PAIR, pair_sha256="b" * 64))
    with pytest.raises(ModelRefused, match="differ"):
        PAIR.check_twin(replace(PAIR, ambient=0.2))


def test_the_golden_file_holds_both_graphs():
    rng = np.random.default_rng(0)
    sizes = {"n": 1, "h": 16, "w": 32, "c": 4, "h/2": 8, "w/2": 16, 3: 3}
    scene = {n: rng.random([sizes[d] for d in dims]) for n, dims in SCENE_OUTPUTS.items()}
    arriving = {name: rng.random((2, 16, 32)) for name in LIGHT_OUTPUTS}
    lamps = {"light": rng.random((2, 3)), "softness": rng.random(2)}
    image = rng.integers(0, 255, (16, 32, 3), np.uint8)
    file = io.BytesIO()
    write_pair_golden(file, image, scene, lamps, arriving)
    file.seek(0)
    golden = read_pair_golden(file)
    np.testing.assert_array_equal(golden["image"], image)
    for name, kept in round_scene(scene).items():
        np.testing.assert_array_equal(golden[name], kept)
    np.testing.assert_array_equal(golden["light"], lamps["light"].astype(np.float32))
    assert {golden[name].shape for name in arriving} == {(2, 16, 32)}


@pytest.mark.parametrize("file", ["drn-g.scene.onnx", "drn-g.light.onnx", "drn-g.onnx"])
def test_all_files_of_a_model_share_one_golden_file(file):
    assert golden_path(Path("models") / file) == Path("models/drn-g.golden.npz")
