"""The mean of the weights on their way, which is better than where a step happens to end."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def running_mean(network: nn.Module, decay: float) -> AveragedModel:
    """Return a copy of the network whose weights follow the network's.

        mean += s (weights - mean),  s = max(1 - decay, 9 / (10 + n)),  n taken in before

    The decay alone keeps what a stage began with for some 3 / (1 - decay) steps; the second
    share, as in TensorFlow's moving average, lets a short stage forget it. To begin anew, set
    `n_averaged` to zero.

    Args:
        network: whose weights are taken in; the copy is where it is.
        decay: 0 to 1; 0 makes the mean the last weights themselves.
    """

    @torch.no_grad()
    def take_in(
        means: Sequence[Tensor], weights: Sequence[Tensor], num_taken: Tensor | int
    ) -> None:
        share = max(1 - decay, 9 / (10 + int(num_taken)))
        for mean, weight in zip(means, weights, strict=True):
            mean.lerp_(weight, share)

    return AveragedModel(network, multi_avg_fn=take_in)
