"""What a run is given beside its config: a machine, its data's origin, weights to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where and how a run computes.

    Attributes:
        device: `cpu`, `cuda` or `cuda:1`.
        precision: of the networks' arithmetic; weights and losses stay float32.
        num_workers: processes that draw pairs; 0 draws them in this one.
    """

    device: str = "cpu"
    precision: Precision = "float32"
    num_workers: int = 0

    @property
    def description(self) -> str:
        """What the model card says of it: a GPU's name or how many CPU threads, and precision."""
        if self.device.startswith("cuda"):
            name = torch.cuda.get_device_name(self.device)
        else:
            instructions = torch.backends.cpu.get_cpu_capability()
            name = f"{torch.get_num_threads()} CPU threads with {instructions}"
        return f"{name}, {self.precision}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the data come from, for the model card.

    Attributes:
        trained_on: the data, in a few words.
        license: SPDX identifier of the licence that the weights get.
    """

    trained_on: str
    license: str


@dataclass(frozen=True, slots=True)
class Start:
    """Weights that a run begins with.

    Attributes:
        name: of the file that they are from, for the model card.
        weights: under `Drn`'s names; what is missing starts at random.
    """

    name: str
    weights: Mapping[str, Tensor]
