from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from model_export import geometry_checkpoint
from model_export.checkpoint import CheckpointError
from model_export.geometry_checkpoint import is_geometry, load_geometry
from model_export.networks.drn_g import NUM_FEATURES, DrnG, SceneReconversion
from model_export.streaming.feed import Batch, Feed
from model_export.streaming.pool import ScenePool
from model_export.streaming.samples import batch, draw_sample
from model_export.training.conditions import Machine
from model_export.training.geometry import loop
from model_export.training.geometry.loop import GeometryTraining
from model_export.training.geometry.stages import DEFAULT, GPU, Phase, from_stage
from tests.model_export.sphere_scene import sphere_scene

PROVENANCE = {"trained_on": "a ball", "license": "Apache-2.0"}


class Narrow(DrnG):
    """All parts of `drn-g` with fewer channels, so that a step takes a tenth of the time."""

    def __init__(self) -> None:
        super().__init__()
        self.scene_reconversion = SceneReconversion((NUM_FEATURES, 16, 16, 16, 16), (1,) * 5)


@pytest.fixture(autouse=True, scope="module")
def _narrow_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (loop, geometry_checkpoint):
            patch.setattr(module, "DrnG", Narrow)
        yield


class OneScene:
    """Draws samples of one ball in this process."""

    def __init__(self) -> None:
        self._pool, self._rng = ScenePool(1), np.random.default_rng(0)
        self._pool.add(sphere_scene())

    def batches(self, num_batches: int, size_px: int, batch_size: int) -> Iterator[Batch]:
        for _ in range(num_batches):
            scenes = [self._pool.choose(self._rng) for _ in range(batch_size)]
            drawn = batch([draw_sample(scene, size_px, self._rng) for scene in scenes])
            yield {name: torch.from_numpy(value) for name, value in drawn.items()}


class OneSample(OneScene):
    """Draws the same samples in every step."""

    def batches(self, num_batches: int, size_px: int, batch_size: int) -> Iterator[Batch]:
        for _ in range(num_batches):
            self._rng = np.random.default_rng(0)
            yield from super().batches(1, size_px, batch_size)


def stages(num_steps: int = 2) -> tuple:
    phases = (Phase(share=1, size_px=32, batch_size=2),)
    return tuple(replace(stage, phases=phases, num_steps=num_steps) for stage in DEFAULT)


def training(out: Path, num_steps: int = 2) -> GeometryTraining:
    torch.manual_seed(0)
    return GeometryTraining(
        out, cast(Feed, OneScene()), stages(num_steps), Machine(), provenance=PROVENANCE
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    assert training(out).run()
    return out


def test_a_run_through_all_stages_leaves_a_checkpoint_with_its_history(finished: Path) -> None:
    checkpoint = load_geometry(finished / "drn-g.pt")

    assert checkpoint.provenance["trained_on"] == "a ball"
    assert {checkpoint.provenance[f"steps.{stage.name}"] for stage in DEFAULT} == {2}
    assert all(torch.isfinite(weight).all() for weight in checkpoint.weights.values())


def test_denormal_numbers_are_flushed_to_0_while_a_run_trains_and_not_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, draw = [], OneScene.batches

    def batches(feed: OneScene, *what: int) -> Iterator[Batch]:
        for drawn in draw(feed, *what):
            seen.append(flushes_denormals())
            yield drawn

    monkeypatch.setattr(OneScene, "batches", batches)
    training(tmp_path / "run").run()

    assert set(seen) == {True}
    assert not flushes_denormals()


def flushes_denormals() -> bool:
    return bool((torch.full((64,), 1e-38) * 0.01 == 0).all())


def test_a_stage_moves_its_own_parts_only(tmp_path: Path) -> None:
    run = training(tmp_path)
    before = {name: value.clone() for name, value in run._network.state_dict().items()}
    scene_only = from_stage(stages(), "shadow_prior")[:1]
    run._stages = scene_only
    run.run()

    moved = {
        name.split(".")[0]
        for name, value in run._network.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert moved == {"shadow_prior"}


def test_all_parts_learn_together_with_the_statistics_that_they_have(tmp_path: Path) -> None:
    run = training(tmp_path)
    before = {name: value.clone() for name, value in run._network.state_dict().items()}
    run._stages = from_stage(stages(), "together")
    run.run()

    after = run._network.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert not {name for name in moved if "running" in name}
    assert {name.split(".")[0] for name in moved} == set(run._stages[0].trains)


def test_a_run_without_time_stops_at_once_and_is_resumed(tmp_path: Path) -> None:
    assert not training(tmp_path, num_steps=3).run(minutes=0)

    resumed = training(tmp_path, num_steps=3)
    resumed.resume()

    assert resumed.run()
    provenance = load_geometry(tmp_path / "drn-g.pt").provenance
    assert provenance["steps.scene_reconversion"] == 3


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    def run(name: str) -> GeometryTraining:
        torch.manual_seed(0)
        feed, one = cast(Feed, OneSample()), from_stage(stages(), "shadow_prior")[:1]
        return GeometryTraining(tmp_path / name, feed, one, Machine(), provenance=PROVENANCE)

    whole, stopped = run("whole"), run("stopped")
    whole.run()
    assert not stopped.run(minutes=0)  # after one of two steps
    resumed = run("stopped")
    resumed.resume()
    resumed.run()

    found = resumed._network.state_dict()
    for name, weight in whole._network.state_dict().items():
        torch.testing.assert_close(found[name], weight, atol=1e-6, rtol=0)


def test_a_run_of_other_stages_is_not_resumed(finished: Path) -> None:
    other = GeometryTraining(
        finished, cast(Feed, OneScene()), stages(5), Machine(), provenance=PROVENANCE
    )

    with pytest.raises(CheckpointError, match="other stages"):
        other.resume()


def test_a_file_of_another_kind_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("no weights")

    assert not is_geometry(tmp_path / "text.pt")
    with pytest.raises(CheckpointError, match=r"text\.pt"):
        load_geometry(tmp_path / "text.pt")


@pytest.mark.parametrize("config", [DEFAULT, GPU])
def test_the_phases_of_a_stage_are_all_of_its_steps(config: tuple) -> None:
    for stage in config:
        assert sum(num for num, _ in stage.left_from(0)) == stage.num_steps
        half = stage.num_steps // 2
        assert sum(num for num, _ in stage.left_from(half)) == stage.num_steps - half
