"""New models for old, while requests keep coming."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from relight.errors import ModelRefused
from service.app import create_app
from service.contract.golden import golden_path, golden_picture, write_golden
from service.inference.canary import render_lights
from service.inference.fake_engine import FakeEngine
from service.inference.loading import Serving, load_model
from service.inference.session import Session
from service.settings import Settings
from service.traffic.keys import digest_of
from tests import http_client as http
from tests.service.calls import metric, problem_of, wait_until
from tests.service.stand_ins import contract, serving, write_model

ADMIN = {"X-Api-Key": "root"}
KNOBS = {"admin_keys": (f"operator:{digest_of('root')}",), "cache_bytes": 0}


def load(path: Path):
    serving_one = Serving(max_batch_size=1, max_wait_s=1.0, observe=lambda *_: None)
    return load_model([path], Session, serving_one)


def store_golden(path: Path, offset: float = 0.0) -> None:
    image = golden_picture()
    write_golden(golden_path(path), image, render_lights(Session(path), image, 1) + offset)


def test_a_model_that_reproduces_its_golden_output_is_loaded(tmp_path):
    path = write_model(tmp_path / "tiny.onnx")
    store_golden(path)
    assert load(path).contract.name == "tiny-E-4500"


def test_a_model_that_makes_something_else_is_refused(tmp_path):
    path = write_model(tmp_path / "tiny.onnx")
    store_golden(path, offset=0.05)
    with pytest.raises(ModelRefused, match="golden"):
        load(path)


def test_a_broken_golden_file_is_refused(tmp_path):
    path = write_model(tmp_path / "tiny.onnx")
    golden_path(path).write_bytes(b"rubbish")
    with pytest.raises(ModelRefused, match="golden file is broken"):
        load(path)


def test_a_golden_file_for_other_lights_is_refused(tmp_path):
    path = write_model(tmp_path / "tiny.onnx")
    image = golden_picture()
    write_golden(golden_path(path), image, np.zeros((2, *image.shape)))
    with pytest.raises(ModelRefused, match="golden output is"):
        load(path)


async def test_no_request_fails_while_models_are_swapped_under_load(tmp_path, png):
    (tmp_path / "fake.onnx").write_bytes(b"0")
    app = create_app(
        Settings(models_dir=tmp_path, **KNOBS),
        open_engine=lambda path: FakeEngine(lambda n: 0.02),
    )
    statuses: list[int] = []
    tags: list[str] = []
    with serving(app) as url:
        async with http.AsyncClient(base_url=url) as client:
            stop = asyncio.Event()

            async def keep_asking() -> None:
                while not stop.is_set():
                    answer = await client.post("/relight", content=png)
                    statuses.append(answer.status_code)
                    tags.append(answer.headers.get("x-model", ""))

            callers = [asyncio.create_task(keep_asking()) for _ in range(4)]
            for number in range(1, 4):
                await asyncio.to_thread(wait_until, lambda n=number: len(set(tags)) == n)
                (tmp_path / "fake.onnx").write_bytes(str(number).encode())
                answer = await client.post("/-/reload", headers=ADMIN)
                assert answer.status_code == 200
            await asyncio.to_thread(wait_until, lambda: len(set(tags)) == 4)
            stop.set()
            await asyncio.gather(*callers)
            assert metric(url, 'relight_model_reloads_total{result="ok"}') == 3
            assert len(app.state.context.repository.models) == 1
            wait_until(lambda: not app.state.context.repository.num_retiring)
    assert set(statuses) == {200}


async def test_a_bad_model_leaves_the_old_one_serving(tmp_path, png):
    write_model(tmp_path / "tiny.onnx")
    with serving(create_app(Settings(models_dir=tmp_path, **KNOBS))) as url:
        async with http.AsyncClient(base_url=url) as client:
            before = (await client.get("/models")).json()["models"]
            write_model(tmp_path / "tiny.onnx", contract(precision="float16").to_metadata())
            refused = await client.post("/-/reload", headers=ADMIN)
            assert (refused.status_code, problem_of(refused)["code"]) == (409, "model_refused")
            assert "tiny.onnx" in refused.json()["detail"]
            assert (await client.get("/models")).json()["models"] == before
            assert (await client.post("/relight", content=png)).status_code == 200
            assert metric(url, 'relight_model_reloads_total{result="error"}') == 1


def test_a_file_that_did_not_change_is_not_loaded_again(tmp_path):
    (tmp_path / "fake.onnx").touch()
    opened: list[Path] = []

    def open_engine(path: Path) -> FakeEngine:
        opened.append(path)
        return FakeEngine(name=path.stem)

    with serving(
        create_app(Settings(models_dir=tmp_path, **KNOBS), open_engine=open_engine)
    ) as url:
        (tmp_path / "other.onnx").write_bytes(b"1")
        answer = http.post(f"{url}/-/reload", headers=ADMIN)
    assert [tag.partition("@")[0] for tag in answer.json()["models"]] == ["fake", "other"]
    assert [path.stem for path in opened] == ["fake", "other"]


@pytest.mark.parametrize("kind", ["link to nothing", "folder"])
def test_an_unreadable_model_is_refused_by_name_and_the_old_one_serves_on(tmp_path, png, kind):
    write_model(tmp_path / "tiny.onnx")
    with serving(create_app(Settings(models_dir=tmp_path, **KNOBS))) as url:
        if kind == "folder":
            (tmp_path / "other.onnx").mkdir()
        else:
            (tmp_path / "other.onnx").symlink_to("/nowhere")
        refused = http.post(f"{url}/-/reload", headers=ADMIN)
        assert (refused.status_code, problem_of(refused)["code"]) == (409, "model_refused")
        assert "other.onnx" in refused.json()["detail"]
        assert http.post(f"{url}/relight", content=png).status_code == 200
