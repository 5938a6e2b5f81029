"""What the comparison promises: every method trains, alike, and ends up in one table."""

import dataclasses

import pytest
import torch

from model_export.checkpoint import load
from model_export.data.examples import examples
from model_export.data.pairs import Pair
from model_export.data.sources import MissingData
from model_export.data.vidit import ViditFolder
from model_export.evaluation.color_transfer import ColorTransfer
from model_export.evaluation.methods import LightNotRendered, open_methods
from model_export.evaluation.scores import evaluate
from model_export.networks.architectures import build
from model_export.training.comparison import COLOR_TRANSFER_FILE, METHODS, compare, within_budget
from model_export.training.conditions import DataOrigin, Machine
from model_export.training.learner import Learner
from model_export.training.loop import Training
from relight.lights import Light

EAST = Light("E", 4500)
SHADADV = METHODS["shadadv"]


def tiny(name, num_steps=4):
    config = within_budget(METHODS[name], num_steps=num_steps, size_px=32, batch_size=1)
    smaller = config.architecture.replace("-s", "-xs")
    return dataclasses.replace(config, architecture=smaller, discriminator_width=2)


CONFIGS = {name: tiny(name) for name in METHODS}


@pytest.fixture
def train(folder, tmp_path):
    training_folder, held_out = folder.split(1)

    def start(out, config):
        origin = DataOrigin("planes", "CC0-1.0")
        return Training(out, config, training_folder, held_out, origin=origin, machine=Machine())

    def train(configs=CONFIGS, minutes=None):
        return compare(tmp_path / "comparison", configs, training_folder, start, minutes)

    return train


def test_every_method_of_the_paper_takes_as_many_steps_of_the_same_pairs():
    for num_steps in (3000, 1001, 7):
        for config in METHODS.values():
            budgeted = within_budget(config, num_steps=num_steps, size_px=64, batch_size=2)
            assert sum(stage.num_steps for stage in budgeted.stages) == num_steps
            assert {(stage.size_px, stage.batch_size) for stage in budgeted.stages} == {(64, 2)}
    same = {(c.lights, c.augmentation, c.seed, c.discriminator_width) for c in METHODS.values()}
    assert same == {(SHADADV.lights, SHADADV.augmentation, 0, SHADADV.discriminator_width)}


def test_the_ablation_differs_only_where_the_paper_varies():
    (pix2pix,), (shadadv,), (bpae,) = (METHODS[n].stages for n in ("pix2pix", "shadadv", "bpae"))
    assert dict(shadadv.losses) == {**pix2pix.losses, "shadow_adversarial": 0.1}
    assert bpae == dataclasses.replace(shadadv, judges="bpae")


@pytest.mark.parametrize("name", METHODS)
def test_every_part_is_trained_in_some_stage_and_frozen_parts_stay(name):
    torch.manual_seed(0)
    config = CONFIGS[name]
    network = build(config.architecture)
    pair = Pair(*(torch.rand(2, 3, 32, 32) * 2 - 1 for _ in range(2)), torch.zeros(2, dtype=int))
    learned = set()
    for stage in config.stages:
        before = {key: weight.clone() for key, weight in network.state_dict().items()}
        Learner(network, stage, config, torch.device("cpu"), None).learn(pair)
        changed = {k for k, w in network.state_dict().items() if not torch.equal(w, before[k])}
        assert {key.split(".")[0] for key in changed} == set(stage.trains)
        learned |= set(stage.trains)
    assert learned == {part for part, _ in network.named_children()}


def lit_from_left_and_right():
    """A tiled wall under two lamps."""
    tiles = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.3
    wall = torch.nn.functional.interpolate(tiles, scale_factor=8)
    falloff = torch.linspace(0.9, 0.3, 32)
    left, right = wall * falloff * 2 - 1, wall * falloff.flip(0) * 2 - 1
    return Pair(left, right, torch.zeros(1, dtype=int))


@pytest.mark.parametrize(
    ("architecture", "learning_rate"),
    [("pix2pix-xs", 1e-3), ("u-net-xs", 1e-2), ("retinex-net-s", 1e-3)],
)
def test_a_method_learns_to_move_the_light(architecture, learning_rate):
    torch.manual_seed(0)
    config, pair = METHODS[architecture.rpartition("-")[0]], lit_from_left_and_right()
    network = build(architecture)
    before = (network(pair.image) - pair.target).abs().mean()
    for stage in config.stages:
        short = dataclasses.replace(stage, num_steps=50, learning_rate=learning_rate)
        learner = Learner(network, short, config, torch.device("cpu"), None)
        for _ in range(50):
            learner.learn(pair)
    picture = network.judged(config.stages[-1].judges, pair.image, pair.light)
    assert (picture - pair.target).abs().mean() < 0.7 * before


def test_all_methods_are_trained_in_turn_and_measured_in_one_table(train, folder, tmp_path):
    assert train() is None
    methods = open_methods(tmp_path / "comparison", EAST)
    names = [method.name for method in methods]
    assert names == ["color-transfer", *(f"{name}-xs" for name in METHODS)]
    assert all(method.num_parameters for method in methods)
    held_out = list(examples(folder.only((0,)), EAST, 32, (4500,)))
    sheet = tmp_path / "sheet.png"
    scores = evaluate(held_out, methods, sheet=sheet)
    assert len(scores) == 1 + len(names)
    assert all(score.psnr_db.value > 5 and score.cpu_s > 0 for score in scores[1:])
    assert sheet.exists()
    with pytest.raises(LightNotRendered, match="not W-4500"):
        open_methods(tmp_path / "comparison", Light("W", 4500))


def test_a_stopped_comparison_resumes(train, tmp_path):
    configs = {name: tiny(name, 4) for name in ("u-net", "retinex-net")}
    were_stopped = []
    while (stopped := train(configs, minutes=0)) is not None:  # one step at a time
        were_stopped.append(stopped)
        assert len(were_stopped) < 12
    assert list(dict.fromkeys(were_stopped)) == ["u-net", "retinex-net"]
    apart = load(tmp_path / "comparison" / "retinex-net" / "retinex-net-xs.pt").weights
    assert train(configs) is None  # all done: nothing changes
    again = load(tmp_path / "comparison" / "retinex-net" / "retinex-net-xs.pt").weights
    assert all(torch.equal(apart[name], again[name]) for name in apart)


def test_missing_shadow_free_pictures_are_missed_before_hours_of_training(train, folder):
    for path in folder.shadow_free_folder.iterdir():
        path.unlink()
    with pytest.raises(MissingData, match="shadow_free"):
        train()


def test_the_colour_transfer_knows_the_training_targets_only(train, folder, tmp_path):
    train({"u-net": tiny("u-net", 1)})
    found = ColorTransfer.load(tmp_path / "comparison" / COLOR_TRANSFER_FILE)
    again = ViditFolder.open(folder.root).only((1, 2, 3))
    expected = ColorTransfer.fit((again.picture(s, EAST, 32) for s in again.scenes), "E-4500")
    assert found == expected
