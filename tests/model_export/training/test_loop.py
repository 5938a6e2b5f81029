"""What a training run promises: it learns, stops, resumes, and leaves a checkpoint."""

import dataclasses

import numpy as np
import pytest
import torch

from model_export.checkpoint import load
from model_export.config import CONFIGS, DEFAULT, PAPER
from model_export.data.pairs import Pair, to_tensor
from model_export.data.sources import MissingData
from model_export.evaluation.scores import ssim
from model_export.training.conditions import DataOrigin, Machine
from model_export.training.learner import Learner
from model_export.training.loaders import BatchLoader
from model_export.training.loop import RunMismatch, Training
from model_export.training.losses import (
    NotVgg,
    PerceptualLoss,
    dissimilarity,
    negative_psnr,
    pyramid_distance,
)
from tests.model_export.tiny import TINY

MACHINE = Machine()


@pytest.fixture
def start(folder, tmp_path):
    training_folder, held_out = folder.split(1)

    def start(name, config=TINY, machine=MACHINE):
        origin = DataOrigin("planes", "CC0-1.0")
        return Training(
            tmp_path / name, config, training_folder, held_out, origin=origin, machine=machine
        )

    return start


def weights_of(run):
    return load(run.checkpoint_path).weights


def test_a_run_goes_through_all_stages_and_leaves_a_checkpoint(start):
    run = start("run")
    assert run.run()
    checkpoint = load(run.checkpoint_path)
    assert checkpoint.lights == tuple(map(str, TINY.lights))
    assert checkpoint.provenance["steps.finish"] == 2
    sheets = {path.name for path in (run.out / "samples").iterdir()}
    assert sheets == {f"{i}-{s.name}-000002.png" for i, s in enumerate(TINY.stages, 1)}


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(start):
    whole = start("whole")
    whole.run()
    stopped = start("stopped")
    while not stopped.run(minutes=1e-9):  # one step at a time
        stopped = start("stopped")
        stopped.resume()
    expected, found = weights_of(whole), weights_of(stopped)
    assert all(torch.allclose(expected[name], found[name], atol=1e-6) for name in expected)


def test_a_stage_larger_than_the_pictures_is_refused_before_any_training(start):
    with pytest.raises(MissingData, match="256 px are wanted"):
        start("run", DEFAULT)


def test_a_run_of_another_config_is_not_resumed(start):
    start("run").run()
    other = start("run", dataclasses.replace(TINY, seed=5))
    with pytest.raises(RunMismatch, match="another config"):
        other.resume()


def test_held_out_scenes_stay_held_out_and_new_scenes_stay_out(start, folder, tmp_path):
    start("run").run(minutes=1e-9)
    origin = DataOrigin("planes", "CC0-1.0")
    more, fewer = folder.only((2, 3)), folder.only((0, 1))
    other = Training(tmp_path / "run", TINY, more, fewer, origin=origin, machine=MACHINE)
    with pytest.raises(RunMismatch, match="holds out"):
        other.resume()
    shrunk = folder.only((1, 2))
    other = Training(
        tmp_path / "run", TINY, shrunk, folder.only((0,)), origin=origin, machine=MACHINE
    )
    with pytest.raises(RunMismatch, match="lacks"):
        other.resume()


@pytest.mark.parametrize("stage", DEFAULT.stages, ids=lambda stage: stage.name)
def test_a_stage_changes_only_the_parts_that_it_trains(start, stage):
    run = start("run")
    network = run._network
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    learner = Learner(network, stage, TINY, torch.device("cpu"), None)
    image, target = (torch.rand(2, 1, 3, 32, 32) * 2 - 1).unbind()
    pair = Pair(image, target, torch.tensor([2]))
    learner.learn(pair)
    changed = {
        name.split(".")[0]
        for name, weight in network.state_dict().items()
        if not torch.equal(weight, before[name])
    }
    assert changed == set(stage.trains)


def test_learning_brings_the_picture_nearer_to_the_target(start):
    stage = dataclasses.replace(DEFAULT.stages[3], num_steps=60, learning_rate=2e-3, decay_from=1.0)
    learner = Learner(start("run")._network, stage, TINY, torch.device("cpu"), None)
    image = torch.rand(1, 3, 32, 32) * 2 - 1
    pair = Pair(image, image * 0.5 + 0.2, torch.tensor([2]))
    losses = [learner.learn(pair)["mse"] for _ in range(60)]
    assert losses[-1] < 0.6 * losses[0]


def test_one_network_learns_to_distinguish_its_lights(start):
    stage = dataclasses.replace(DEFAULT.stages[3], num_steps=60, learning_rate=5e-3, decay_from=1.0)
    network = start("run")._network
    learner = Learner(network, stage, TINY, torch.device("cpu"), None)
    image = torch.rand(1, 3, 32, 32) * 2 - 1
    lights = torch.tensor([2, 6])
    targets = torch.cat([image * 0.5 + 0.4, image * 0.5 - 0.4])
    pair = Pair(image.expand(2, -1, -1, -1).clone(), targets, lights)
    for _ in range(60):
        learner.learn(pair)
    with torch.no_grad():
        east, west = network(pair.image, pair.light).mean(dim=(1, 2, 3)).tolist()
    assert east > west + 0.2


def test_a_device_that_keeps_the_pictures_draws_the_pairs_that_the_host_would(start):
    """The two differ by rounding alone: a batch is summed in another order than its pairs."""
    vary = dataclasses.replace(DEFAULT.augmentation, ambient=0.5, void=0.5)
    stages = [
        dataclasses.replace(stage, batch_size=3, size_px=64, half_size_every=2)
        for stage in TINY.stages
    ]
    config = dataclasses.replace(TINY, augmentation=vary, stages=tuple(stages))
    read, kept = (
        BatchLoader(config, start("run")._folder, Machine(keeps_pictures=keeps))
        for keeps in (False, True)
    )
    for index in (0, len(stages) - 1):  # without shadows, and relit
        for one, other in zip(read.batches(index, 0), kept.batches(index, 0), strict=True):
            assert one.image.shape == other.image.shape
            assert one.light.tolist() == other.light.tolist()
            one_code = 1.01 / 127.5
            torch.testing.assert_close(one.image, other.image, atol=one_code, rtol=0)
            torch.testing.assert_close(one.target, other.target, atol=one_code, rtol=0)


def test_a_run_leaves_the_running_mean_of_its_weights(start):
    last, mean = start("last", dataclasses.replace(TINY, ema_decay=0.0)), start("mean")
    last.run()
    mean.run()
    name = "rerenderer.paint.0.weight"
    assert torch.equal(weights_of(last)[name], last._network.state_dict()[name].cpu())
    assert not torch.equal(weights_of(mean)[name], weights_of(last)[name])
    assert torch.equal(mean._network.state_dict()[name], last._network.state_dict()[name])


def test_a_short_stage_leaves_its_trained_weights_not_its_initial_ones(start):
    stage = dataclasses.replace(TINY.stages[-1], num_steps=30)
    run = start("run", dataclasses.replace(TINY, stages=(stage,)))
    run._mean.n_averaged.fill_(10_000)  # as if long stages had gone before
    name = "rerenderer.paint.0.weight"
    begun = run._network.state_dict()[name].clone()
    run.run()
    learnt, left = run._network.state_dict()[name], weights_of(run)[name]
    assert (left - learnt).norm() < 0.5 * (begun - learnt).norm()


def test_autocast_to_bfloat16_trains_and_keeps_float32_weights(start):
    run = start("run", machine=Machine(precision="bfloat16"))
    assert run.run()
    assert all(weight.dtype == torch.float32 for weight in weights_of(run).values())


def test_the_perceptual_loss_distinguishes_a_texture_from_its_blur():
    generator = torch.Generator().manual_seed(0)
    shapes = [(64, 3), (64, 64), (128, 64), (128, 128), (256, 128)]
    weights = {}
    for index, (out_channels, in_channels) in zip((0, 2, 5, 7, 10), shapes, strict=True):
        scale = (2 / (9 * in_channels)) ** 0.5
        weight = torch.randn(out_channels, in_channels, 3, 3, generator=generator) * scale
        weights[f"features.{index}.weight"] = weight
        weights[f"features.{index}.bias"] = torch.zeros(out_channels)
    loss = PerceptualLoss(weights)
    texture = torch.rand(1, 3, 32, 32, generator=generator) * 2 - 1
    blurred = torch.nn.functional.avg_pool2d(texture, 5, stride=1, padding=2)
    assert loss(texture, texture) == 0
    assert loss(blurred, texture) > loss(texture + 0.02, texture) > 0
    with pytest.raises(NotVgg, match=r"features\.10\.bias"):
        PerceptualLoss({name: w for name, w in weights.items() if name != "features.10.bias"})


def test_the_paper_is_a_config_of_its_own():
    assert set(CONFIGS) == {"paper", "default", "gpu"}
    assert [stage.trains for stage in PAPER.stages] == [
        ("scene_reconversion",),
        ("shadow_prior",),
        ("rerenderer",),
    ]
    assert PAPER.shadow_threshold == pytest.approx(0.059, abs=1e-3)
    assert {stage.learning_rate for stage in PAPER.stages} == {1e-4}


def test_the_pyramid_distinguishes_a_change_of_light_from_a_change_of_texture():
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    fine = torch.ones(64, 64)
    fine[::2] = -1
    assert pyramid_distance(picture, picture) == 0
    brighter = pyramid_distance(picture + 0.1, picture)
    assert brighter.item() == pytest.approx(0.1 / 5, abs=1e-4)  # in the lowest of five levels
    assert pyramid_distance(picture + 0.1 * fine, picture).item() == pytest.approx(
        0.1 / 5, abs=5e-3
    )


def test_the_psnr_loss_weighs_a_dark_picture_and_a_bright_one_alike():
    target = torch.zeros(2, 3, 16, 16)
    errors = torch.tensor([0.4, 1.2]).view(2, 1, 1, 1)  # 14 and 4.4 dB
    before = negative_psnr(target + errors, target)
    assert -10 * before.item() == pytest.approx((13.98 + 4.44) / 2, abs=0.2)
    for halved in (torch.tensor([0.5, 1.0]), torch.tensor([1.0, 0.5])):
        after = negative_psnr(target + errors * halved.view(2, 1, 1, 1), target)
        assert 10 * (before - after).item() == pytest.approx(6.02 / 2, abs=0.4)


def test_dissimilarity_is_one_minus_the_ssim_that_evaluation_measures():
    rng = np.random.default_rng(0)
    target = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
    picture = np.clip(target + rng.normal(0, 30, target.shape), 0, 255).astype(np.uint8)
    found = dissimilarity(to_tensor(picture)[None], to_tensor(target)[None])
    assert found.item() == pytest.approx(1 - ssim(picture, target), abs=2e-3)
    assert dissimilarity(to_tensor(target)[None], to_tensor(target)[None]).item() < 1e-6


def test_a_training_can_begin_at_a_later_stage_and_be_of_any_length():
    later = DEFAULT.from_stage("together").longer(0.5)
    assert [stage.name for stage in later.stages] == ["together", "finish"]
    halves = [stage.num_steps / 2 for stage in DEFAULT.stages[-2:]]
    assert [stage.num_steps for stage in later.stages] == halves
    assert [stage.num_steps for stage in DEFAULT.longer(1e-9).stages] == [1] * 5
    with pytest.raises(ValueError, match="'polish' is not one of scene_reconversion, "):
        DEFAULT.from_stage("polish")
