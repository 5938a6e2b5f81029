"""The mean of the weights on their way, which is better than where a step happens to end."""

from __future__ import annotations

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class RunningMean(AveragedModel):
    """A copy of a network whose weights follow the network's.

        mean = d mean + (1 - d) weights,  d = min(decay, (1 + n) / (10 + n)),  n taken in before

    The decay alone keeps what a stage began with for some 3 / (1 - decay) steps; the second
    one, as in TensorFlow's moving average, lets a short stage forget it. To begin anew, set
    `n_averaged` to zero.

    Args:
        network: whose weights are taken in, and which has no buffers; the copy is where it is.
        decay: 0 to 1; 0 makes the mean the last weights themselves.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        assert not any(True for _ in network.buffers()), "buffers would stay as they began"
        super().__init__(network)
        self._decay = decay

    def update_parameters(self, model: nn.Module) -> None:
        """Take the network's weights in.

        The base class sends its count to the device each time, and waits until that has come
        by it. Here the host counts.
        """
        taken = int(self.n_averaged)
        means = [mean.detach() for mean in self.module.parameters()]
        weights = [weight.detach() for weight in model.parameters()]
        if taken == 0:
            for mean, weight in zip(means, weights, strict=True):
                mean.copy_(weight)
        else:
            decay = min(self._decay, (1 + taken) / (10 + taken))
            get_ema_multi_avg_fn(decay)(means, weights, taken)
        self.n_averaged += 1
