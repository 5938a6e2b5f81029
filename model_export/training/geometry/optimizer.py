"""One optimiser step: Muon for the filters, AdamW for all other weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer
from torch.optim.lr_scheduler import LambdaLR

_WEIGHT_DECAY: Final = 0.01
_LARGEST_GRADIENT: Final = 1.0  # norm over all weights
_FEWEST_OUTPUTS: Final = 16  # a head has fewer; Muon is for hidden layers


class FilterOptimizer:
    """Muon for 3x3 filters, AdamW for heads, norms, biases and 1x1 filters.

    Muon (Jordan et al. 2024, arXiv 2502.16982 for its scale) replaces the momentum of a matrix by
    the nearest matrix with orthonormal rows or columns, so all directions of a layer learn equally
    fast. PyTorch's takes matrices. A filter is handed to it as the matrix (out, 3 x 3 x in) that
    shares its memory, which needs weights in the `channels_last` format.

    Args:
        parameters: what learns.
        learning_rate: of both, at its highest.
        rate: the share of the learning rate at a step, 0 to 1.
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, rate: Callable[[int], float]
    ) -> None:
        self._learning = list(parameters)
        self._filters = [each for each in self._learning if _is_hidden_filter(each)]
        self._matrices = [nn.Parameter(_shared_matrix(each)) for each in self._filters]
        hidden = {id(each) for each in self._filters}
        others = [each for each in self._learning if id(each) not in hidden]
        self._parts = _scheduled(
            rate,
            AdamW(others, learning_rate, (0.9, 0.98), weight_decay=_WEIGHT_DECAY, fused=True),
            Muon(
                self._matrices,
                learning_rate,
                weight_decay=_WEIGHT_DECAY,
                adjust_lr_fn="match_rms_adamw",
            ),
        )

    def step(self, loss: Tensor) -> None:
        """Go one step down the gradient of a loss, a scalar."""
        for each in self._learning:
            each.grad = None
        loss.backward()
        nn.utils.clip_grad_norm_(self._learning, _LARGEST_GRADIENT)
        for filters, matrix in zip(self._filters, self._matrices, strict=True):
            matrix.grad = None if filters.grad is None else _matrix(filters.grad)
        for optimizer, schedule in self._parts:
            optimizer.step()
            schedule.step()

    def state_dict(self) -> list[dict[str, Any]]:
        """Return what `load_state_dict` needs to go on."""
        return [
            {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
            for optimizer, schedule in self._parts
        ]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Go on from the state of an optimiser of the same weights."""
        for (optimizer, schedule), state in zip(self._parts, states, strict=True):
            optimizer.load_state_dict(state["optimizer"])
            schedule.load_state_dict(state["schedule"])


def _scheduled(
    rate: Callable[[int], float], *optimizers: Optimizer
) -> list[tuple[Optimizer, LambdaLR]]:
    return [(each, LambdaLR(each, rate)) for each in optimizers]


def _is_hidden_filter(weight: Tensor) -> bool:
    return weight.shape[2:] == (3, 3) and weight.shape[0] >= _FEWEST_OUTPUTS


def _matrix(filters: Tensor) -> Tensor:
    """Return (out, in, 3, 3) as (out, 9 in)."""
    return filters.permute(0, 2, 3, 1).flatten(1)


def _shared_matrix(filters: Tensor) -> Tensor:
    """Return the same without a copy; an error if the format is not `channels_last`."""
    return filters.detach().permute(0, 2, 3, 1).view(filters.shape[0], -1)
