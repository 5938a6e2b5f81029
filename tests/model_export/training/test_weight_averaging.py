"""What the mean of several trainings promises."""

import dataclasses

import pytest
import torch

from model_export.checkpoint import Checkpoint, CheckpointError
from model_export.networks.drn import build
from model_export.training.weight_averaging import average


@pytest.fixture
def runs():
    def run_from(seed, **provenance):
        torch.manual_seed(seed)
        return Checkpoint(
            architecture="drn-xs",
            lights=("E-4500",),
            weights=build("drn-xs").state_dict(),
            provenance=provenance,
        )

    return [run_from(0), run_from(1, size_px=256)]


def test_every_weight_is_the_mean_of_the_runs(runs):
    first, second = runs
    mean = average(["drn.pt", "drn.pt"], runs).weights  # of two folders
    for name, weight in mean.items():
        torch.testing.assert_close(weight, (first.weights[name] + second.weights[name]) / 2)


def test_the_history_names_the_runs_and_drops_their_measurements(runs):
    measured = {"size_px": 256, "metrics.psnr_db": 17.5, "softness_px": 0.2}
    runs[1] = dataclasses.replace(runs[1], provenance=measured)
    history = average(["first.pt", "second.pt"], runs).provenance
    assert history == {"size_px": 256, "mean_of": "first.pt, second.pt"}


def test_networks_of_different_lights_cannot_be_averaged(runs):
    runs[1] = dataclasses.replace(runs[1], lights=("W-4500",))
    with pytest.raises(CheckpointError, match="same lights"):
        average(["first.pt", "second.pt"], runs)
