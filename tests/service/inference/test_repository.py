from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto
from prometheus_client import CollectorRegistry

from relight.errors import InvalidOption, ModelNotReady, ModelRefused
from relight.lights import Light
from service.contract.golden import golden_path
from service.inference.fake_engine import FakeEngine
from service.inference.model_metrics import ModelMetrics
from service.inference.repository import ModelRepository
from service.inference.session import Session
from tests.service.stand_ins import contract, write_model


def repository(folder: Path, open_engine=Session, max_batch_size=None) -> ModelRepository:
    return ModelRepository(
        folder,
        open_engine,
        max_batch_size=max_batch_size,
        max_wait_s=1.0,
        metrics=ModelMetrics(CollectorRegistry()),
    )


async def test_a_model_offers_its_light_and_the_mirror(models_dir):
    models = repository(models_dir)
    await models.start()
    east, west = models.find("E"), models.find("W")
    assert (east.mirrored, west.mirrored) == (False, True)
    assert str(west.light) == "W-4500"
    await models.close()


async def test_a_light_of_its_own_is_preferred_to_a_mirrored_one(tmp_path):
    engine = FakeEngine()
    both = (Light("W", 4500), Light("E", 4500))
    engine.metadata = contract(lights=both).to_metadata()
    engine.inputs["light"] = type(engine.inputs["image"])("tensor(int64)", ("n",))
    (tmp_path / "two.onnx").touch()
    models = repository(tmp_path, lambda path: engine)
    await models.start()
    east = models.find("E")
    assert (east.light_index, east.mirrored) == (1, False)
    assert len(models.routes) == 2
    await models.close()


async def test_the_nearest_temperature_is_taken(tmp_path):
    engine = FakeEngine()
    engine.metadata = contract(lights=(Light("N", 2500), Light("N", 6500))).to_metadata()
    engine.inputs["light"] = type(engine.inputs["image"])("tensor(int64)", ("n",))
    (tmp_path / "two.onnx").touch()
    models = repository(tmp_path, lambda path: engine)
    await models.start()
    assert models.find("N", temperature_k=3000).light.temperature_k == 2500
    assert models.find("N", temperature_k=9000).light.temperature_k == 6500
    await models.close()


async def test_a_direction_without_a_model_is_refused_with_those_that_have_one(models_dir):
    models = repository(models_dir)
    await models.start()
    with pytest.raises(InvalidOption) as refusal:
        models.find("N")
    assert refusal.value.allowed == ("E", "W")
    await models.close()


def test_before_the_start_nothing_is_ready(models_dir):
    with pytest.raises(ModelNotReady):
        repository(models_dir).find("E")


def without(key: str) -> dict[str, str]:
    metadata = contract().to_metadata()
    del metadata[key]
    return metadata


@pytest.mark.parametrize(
    ("metadata", "input_type", "reason"),
    [
        (without("lights"), TensorProto.UINT8, "lights"),
        (contract().to_metadata() | {"format": "relight/9"}, TensorProto.UINT8, "relight/9"),
        (contract(precision="float16").to_metadata(), TensorProto.UINT8, "relit"),
        (
            contract(lights=(Light("E", 4500), Light("N", 4500))).to_metadata(),
            TensorProto.UINT8,
            "light",
        ),
        (contract().to_metadata(), TensorProto.FLOAT, "image"),
    ],
)
async def test_a_model_that_breaks_its_contract_is_refused_with_file_and_reason(
    tmp_path, metadata, input_type, reason
):
    write_model(tmp_path / "bad.onnx", metadata, input_type=input_type)
    with pytest.raises(ModelRefused, match=f"bad.onnx.*{reason}"):
        await repository(tmp_path).start()


async def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "rubbish.onnx").write_bytes(b"rubbish")
    with pytest.raises(ModelRefused, match=r"rubbish\.onnx"):
        await repository(tmp_path).start()


async def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ModelRefused, match=r"no \.onnx file"):
        await repository(tmp_path).start()


async def test_a_model_whose_output_is_not_a_picture_is_refused(tmp_path):
    engine = FakeEngine()
    engine.run = lambda tensors: {"relit": np.full(tensors["image"].shape, np.nan, np.float32)}
    (tmp_path / "nan.onnx").touch()
    with pytest.raises(ModelRefused, match="not a number"):
        await repository(tmp_path, lambda path: engine).start()


async def test_a_bad_model_beside_a_good_one_is_reported_and_left_out(tmp_path, caplog):
    write_model(tmp_path / "good.onnx")
    (tmp_path / "rubbish.onnx").write_bytes(b"rubbish")
    models = repository(tmp_path)
    await models.start()
    assert [model.contract.name for model in models.models] == ["tiny-E-4500"]
    assert "rubbish.onnx" in caplog.text
    await models.close()


async def test_a_slow_start_says_what_it_waits_for(tmp_path, caplog):
    caplog.set_level("INFO")
    write_model(tmp_path / "good.onnx")
    models = repository(tmp_path)
    await models.start()
    own = [r.getMessage() for r in caplog.records if r.name == "service.inference.repository"]
    begun, ended, serving = own
    assert begun.startswith("loading good.onnx")
    assert ended.startswith("good.onnx is warm after")
    assert serving.startswith("serving tiny-E-4500@")
    await models.close()


async def test_every_shape_and_batch_size_is_warmed_before_the_first_request(tmp_path):
    engine = FakeEngine()
    (tmp_path / "fake.onnx").touch()
    models = repository(tmp_path, lambda path: engine, max_batch_size=6)
    await models.start()
    assert set(engine.batch_sizes) == {1, 2, 4, 6}
    await models.close()


async def test_the_fake_engine_serves_beside_the_golden_file_of_a_model(models_dir, tmp_path):
    source = next(models_dir.glob("*.onnx"))
    (tmp_path / source.name).write_bytes(source.read_bytes())
    golden_path(tmp_path / source.name).write_bytes(b"of another engine")
    with pytest.raises(ModelRefused, match="golden"):
        await repository(tmp_path).start()
    models = repository(tmp_path, lambda path: FakeEngine(name=path.stem))
    await models.start()
    assert models.find("E").light.direction == "E"
    await models.close()
