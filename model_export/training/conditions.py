"""What a run is given beside its config: a machine, its data's origin, weights to begin with."""

from __future__ import annotations

import os
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
        keeps_pictures: whether the device keeps all pictures, and draws pairs itself.
        compiles: whether `torch.compile` rewrites the network for the device first.
    """

    device: str = "cpu"
    precision: Precision = "float32"
    num_workers: int = 0
    keeps_pictures: bool = False
    compiles: bool = False

    @classmethod
    def best(
        cls,
        device: str | None = None,
        precision: Precision | None = None,
        num_workers: int | None = None,
        *,
        keep_pictures: bool | None = None,
        compiles: bool = False,
    ) -> Machine:
        """Choose what is not told: a GPU where there is one, in bfloat16, with all pictures."""
        on_gpu = torch.cuda.is_available() if device is None else device.startswith("cuda")
        if num_workers is None:  # a GPU outruns the process that feeds it; a CPU has none to spare
            num_workers = (os.cpu_count() or 1) if on_gpu else 0
        return cls(
            device=device or ("cuda" if on_gpu else "cpu"),
            precision=precision or ("bfloat16" if on_gpu else "float32"),
            num_workers=num_workers,
            keeps_pictures=on_gpu if keep_pictures is None else keep_pictures,
            compiles=compiles,
        )

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
