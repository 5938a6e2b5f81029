"""From two files to one model that serves, or to the reason why not."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from relight.errors import InvalidOption, ModelRefused
from service.contract.golden import golden_path, golden_picture, round_scene, write_pair_golden
from service.contract.pair import SURFACE_NAMES
from service.inference.model import BatchKey, InferenceInput
from service.inference.model_metrics import ModelMetrics
from service.inference.repository import ModelRepository
from service.inference.session import Session
from tests.service.pairs import PAIR, normals_of, write_pair
from tests.service.stand_ins import write_model


def on_cpu(path):
    return Session(path, device="cpu")


def repository(folder, max_batch_size=1) -> ModelRepository:
    return ModelRepository(
        folder,
        on_cpu,
        max_batch_size=max_batch_size,
        max_wait_s=10.0,
        metrics=ModelMetrics(CollectorRegistry()),
    )


async def test_two_files_are_one_model_that_lights_from_everywhere(tmp_path):
    write_pair(tmp_path)
    models = repository(tmp_path)
    await models.start()
    (model,) = models.models
    assert (model.contract, model.parts) == (PAIR, ("scene", "light"))
    assert len({route.light.direction for route in models.routes}) == 8
    assert models.find(None, options=["azimuth"]).model is model
    await models.close()


async def test_a_pair_is_preferred_to_a_model_that_paints_at_any_temperature(tmp_path):
    write_model(tmp_path / "a.onnx")
    write_pair(tmp_path)
    models = repository(tmp_path)
    await models.start()
    assert models.find("E", temperature_k=4500).model.name == "tiny-pair"
    assert models.find("E", name="tiny-E-4500").model.name == "tiny-E-4500"
    assert models.find("E", options=["color"]).model.name == "tiny-E-4500"
    await models.close()


@pytest.mark.parametrize(
    ("name", "options", "option"),
    [
        ("tiny-E-4500", ["azimuth"], "azimuth"),
        ("tiny-E-4500", ["softness", "elevation"], "elevation"),
        ("tiny-pair", ["color"], "color"),
        (None, ["color", "intensity"], "color"),
    ],
)
async def test_an_option_that_the_model_does_not_take_is_refused(tmp_path, name, options, option):
    write_model(tmp_path / "a.onnx")
    write_pair(tmp_path)
    models = repository(tmp_path)
    await models.start()
    with pytest.raises(InvalidOption, match=name or "no model") as refusal:
        models.find("E", name=name, options=options)
    assert refusal.value.option == option
    await models.close()


@pytest.mark.parametrize("lost", ["scene", "light"])
async def test_half_a_pair_is_refused_with_the_name_of_the_missing_half(tmp_path, lost):
    write_pair(tmp_path)
    (tmp_path / f"tiny-pair.{lost}.onnx").unlink()
    with pytest.raises(ModelRefused, match=rf"half of a pair, and tiny-pair\.{lost}\.onnx"):
        await repository(tmp_path).start()


async def test_half_a_pair_beside_a_good_model_is_left_out(tmp_path, caplog):
    write_model(tmp_path / "good.onnx")
    _, light = write_pair(tmp_path)
    light.unlink()
    models = repository(tmp_path)
    await models.start()
    assert [model.name for model in models.models] == ["tiny-E-4500"]
    assert "tiny-pair.scene.onnx: it is half" in caplog.text
    await models.close()


async def test_halves_of_different_pairs_are_refused(tmp_path):
    other = PAIR.to_metadata("light") | {"pair_sha256": "b" * 64}
    write_pair(tmp_path, metadata={"light": other})
    with pytest.raises(ModelRefused, match=r"scene\.onnx and .*light\.onnx: .*pair_sha256"):
        await repository(tmp_path).start()


async def test_halves_in_each_others_place_are_refused(tmp_path):
    scene, light = write_pair(tmp_path)
    content = scene.read_bytes(), light.read_bytes()
    scene.write_bytes(content[1])
    light.write_bytes(content[0])
    with pytest.raises(ModelRefused, match="part is 'light', not 'scene'"):
        await repository(tmp_path).start()


def store_golden(folder, offset: float = 0.0) -> None:
    scene_path, light_path = write_pair(folder)
    image = golden_picture()
    scene = on_cpu(scene_path).run({"image": image[None]})
    kept = round_scene(scene)
    lamps = {
        "light": np.array([[1, 0, 0], [0, 0.6, 0.8]], np.float32),
        "softness": np.array([0, 0.5], np.float32),
    }
    light = on_cpu(light_path)
    runs = [
        light.run(
            {name: kept[name] for name in SURFACE_NAMES}
            | {name: lamp[i : i + 1] for name, lamp in lamps.items()}
        )
        for i in range(2)
    ]
    arriving = {name: np.concatenate([run[name] for run in runs]) for name in runs[0]}
    arriving["irradiance"][1] += offset
    write_pair_golden(golden_path(scene_path), image, scene, lamps, arriving)


async def test_a_pair_that_reproduces_its_golden_output_is_loaded(tmp_path, caplog):
    store_golden(tmp_path)
    models = repository(tmp_path)
    await models.start()
    assert "not compared" not in caplog.text
    await models.close()


async def test_a_pair_that_makes_something_else_is_refused(tmp_path):
    store_golden(tmp_path, offset=0.1)
    with pytest.raises(ModelRefused, match=r"golden 'irradiance' by 0\.1"):
        await repository(tmp_path).start()


async def test_reading_counts_the_lighting_that_follows(tmp_path):
    write_pair(tmp_path)
    models = repository(tmp_path, max_batch_size=2)
    await models.start()
    (model,) = models.models
    scene, light = BatchKey("scene", 64, 64), BatchKey("light", 64, 64)
    times = model.durations
    assert times.batch_s(light, 2) > 0
    assert times.estimate_s(light, 2) == times.batch_s(light, 2)
    both_s = times.batch_s(scene, 2) + times.batch_s(light, 2)
    assert times.estimate_s(scene, 2) == pytest.approx(both_s)
    assert times.last_key == scene  # what a photo that nothing is known of begins with
    await models.close()


async def test_one_queue_runs_both_graphs(tmp_path):
    write_pair(tmp_path)
    models = repository(tmp_path)
    await models.start()
    (model,) = models.models
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    scene_key, light_key = BatchKey("scene", 64, 64), BatchKey("light", 64, 64)
    scene = (
        await model.batcher.submit(InferenceInput("scene", {"image": image}), key=scene_key)
    ).value
    np.testing.assert_allclose(scene["normals"], normals_of(image), atol=1e-6)
    assert scene["features"].shape == (3, 32, 32)
    lamp = {"light": np.array([1, 0, 0], np.float32), "softness": np.array(0, np.float32)}
    kept = {name: scene[name].astype(np.float16) for name in SURFACE_NAMES}
    lit = (await model.batcher.submit(InferenceInput("light", kept | lamp), key=light_key)).value
    expected = np.maximum(normals_of(image)[..., 0], 0)
    np.testing.assert_allclose(lit["irradiance"], expected, atol=1e-3)
    await models.close()
