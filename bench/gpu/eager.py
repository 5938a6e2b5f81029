"""The same network in PyTorch, eager and compiled: what the exported graph is measured against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import torch
from torch import Tensor, nn

from bench.gpu.graphs import seconds_of
from model_export.networks import architectures
from model_export.networks.drn_g import DrnG

Mode = Literal["eager", "compiled"]
MODES: Final[tuple[Mode, ...]] = ("eager", "compiled")


def seconds_in_torch(
    name: str, mode: Mode, size: int, height_px: int, width_px: int, *, cuda: bool
) -> float:
    """Return the time of a batch through a whole network with random weights.

    Args:
        name: `drn-g`, or an architecture of `model_export.networks.architectures`.
        mode: how PyTorch runs it.
        size: pictures in the batch.
        height_px: height of a picture.
        width_px: width of a picture.
        cuda: whether it runs on the GPU, in float32.
    """
    device = torch.device("cuda" if cuda else "cpu")
    network: nn.Module = DrnG() if name == "drn-g" else architectures.build(name)
    network = network.to(device).eval()
    photo = torch.rand(size, 3, height_px, width_px, device=device)
    rest: tuple[Tensor, ...] = ()
    if name == "drn-g":
        light = torch.tensor([[0.0, 0.0, 1.0]], device=device).expand(size, 3)
        rest = (light, *(torch.full((size,), share, device=device) for share in (0.2, 0.3)))
    call: Callable[..., object] = torch.compile(network) if mode == "compiled" else network

    def work() -> None:
        with torch.inference_mode():
            call(photo, *rest)
        if cuda:
            torch.cuda.synchronize()

    return seconds_of(work)
