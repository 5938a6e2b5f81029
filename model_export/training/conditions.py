"""The conditions of a run besides its config: machine, origin of the data, initial weights."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine of a run, and how to use it.

    Attributes:
        device: `cpu`, `cuda` or `cuda:1`.
        precision: precision of the networks' arithmetic; weights and losses stay float32.
        num_workers: processes that draw pairs; 0: this process draws them. For `drn-g`, a third of
            them renders scenes and the others draw samples; 0: one of each.
        keeps_pictures: whether the device keeps all pictures and makes the pairs.
        compiles: whether to compile the network with `torch.compile`.
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
        """Choose defaults: a GPU if present, in bfloat16, with all pictures in its memory."""
        on_gpu = torch.cuda.is_available() if device is None else device.startswith("cuda")
        if num_workers is None:  # a GPU is faster than one process; a CPU has no cores to spare
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
        """Description for the model card: GPU name or number of CPU threads, and precision."""
        if self.device.startswith("cuda"):
            name = torch.cuda.get_device_name(self.device)
        else:
            instructions = torch.backends.cpu.get_cpu_capability()
            name = f"{torch.get_num_threads()} CPU threads with {instructions}"
        return f"{name}, {self.precision}"


@contextmanager
def flushing_denormals() -> Iterator[None]:
    """Let this thread compute with 0 in the place of denormal numbers while the block runs.

    The moments of a weight that gets no more gradient decay to such numbers. A CPU takes many times
    as long for each of them, which slows down long runs.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@dataclass(frozen=True, slots=True)
class DataOrigin:
    """The origin of the data, for the model card.

    Attributes:
        trained_on: the data, in a few words.
        license: SPDX identifier of the licence of the weights.
    """

    trained_on: str
    license: str


@dataclass(frozen=True, slots=True)
class Start:
    """Initial weights of a run.

    Attributes:
        name: name of their file, for the model card.
        weights: under `Drn`'s names; missing ones start at random.
    """

    name: str
    weights: Mapping[str, Tensor]
