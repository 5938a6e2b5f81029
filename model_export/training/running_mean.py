"""The mean of the weights on their way, which is better than where a step happens to end."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim.swa_utils import PARAM_LIST, AveragedModel, get_ema_multi_avg_fn


def running_mean(network: nn.Module, decay: float) -> AveragedModel:
    """Return a copy of the network whose weights follow the network's.

        mean = d mean + (1 - d) weights,  d = min(decay, (1 + n) / (10 + n)),  n taken in before

    The decay alone keeps what a stage began with for some 3 / (1 - decay) steps; the second
    one, as in TensorFlow's moving average, lets a short stage forget it. To begin anew, set
    `n_averaged` to zero.

    Args:
        network: whose weights are taken in; the copy is where it is.
        decay: 0 to 1; 0 makes the mean the last weights themselves.
    """

    def take_in(means: PARAM_LIST, weights: PARAM_LIST, num_taken: Tensor | int) -> None:
        taken = int(mean.n_averaged)  # on the host: `num_taken` waits for the device
        decay_now = min(decay, (1 + taken) / (10 + taken))
        get_ema_multi_avg_fn(decay_now)(means, weights, num_taken)

    mean = AveragedModel(network, multi_avg_fn=take_in)
    return mean
