"""Exponential moving average of the weights, which is better than the weights of any one step."""

from __future__ import annotations

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class EmaModel(AveragedModel):
    """A copy of a network that holds the moving average of its weights.

        mean = d mean + (1 - d) weights,  d = min(decay, (1 + n) / (10 + n)),  n updates so far

    The decay alone would keep the initial weights of a stage for about 3 / (1 - decay) steps. The
    second term, as in TensorFlow's moving average, lets a short stage forget them. To restart, set
    `n_averaged` to zero.

    Args:
        network: the network to average, without buffers; the copy is on its device.
        decay: 0 to 1; 0 keeps the last weights themselves.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        assert not any(True for _ in network.buffers()), "buffers would stay as they began"
        super().__init__(network)
        self._decay = decay

    def update_parameters(self, model: nn.Module) -> None:
        """Add the network's weights to the average.

        The base class copies its counter to the device each time and waits for the device. Here
        the host counts.
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
