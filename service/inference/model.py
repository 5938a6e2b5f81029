"""A model that serves: its promise, its graphs, and the queue to the device.

A model of the contract "relight/1" is one graph; one of "relight/2" reads a scene with one graph
and lights it with another. All graphs of a model share one queue, as they share one device.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relight.options import GEOMETRY_OPTIONS, LAMP_OPTIONS
from service.batching.batcher import Batcher
from service.batching.durations import Durations
from service.batching.job import Batch
from service.batching.sizes import BatchSizes
from service.contract.buckets import Bucket
from service.contract.metadata import ModelContract
from service.contract.pair import PairContract
from service.inference.session import Engine, Tensors

WHOLE: Final = "whole"  # the one graph of a "relight/1" model

_DTYPES: Final[Mapping[str, type[np.generic]]] = {
    "tensor(uint8)": np.uint8,
    "tensor(int64)": np.int64,
    "tensor(float)": np.float32,
}


class BatchKey(NamedTuple):
    """What may share a batch: one graph at one shape."""

    part: str
    height_px: int
    width_px: int


@dataclass(frozen=True, slots=True, eq=False)
class InferenceInput:
    """What a graph is given for one photo.

    Attributes:
        part: which graph: `WHOLE`, or one of `service.contract.pair.PARTS`.
        inputs: by name, each without the axis of the batch; float16 is widened.
    """

    part: str
    inputs: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class InputBatch:
    """What a graph is given at once: the inputs of a batch, put together."""

    part: str
    tensors: Tensors


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A loaded, checked and warm model with its queue.

    Attributes:
        contract: what it promises.
        sha256: checksum of its files, in hex.
        provider: the ONNX Runtime provider that it runs on.
        parts: its graphs, in the order in which a photo needs them.
        buckets: the shapes that it takes.
        durations: T(`BatchKey`, n), in seconds.
        batcher: takes an `InferenceInput` with its `BatchKey`, gives the graph's outputs by name,
            each without the axis of the batch.
    """

    contract: ModelContract | PairContract
    sha256: str
    provider: str
    parts: Sequence[str]
    buckets: Sequence[Bucket]
    durations: Durations
    batcher: Batcher[InferenceInput, InputBatch, Tensors]

    @property
    def name(self) -> str:
        """The name that callers choose it by."""
        return self.contract.name

    @property
    def tag(self) -> str:
        """Name and checksum, short: `drn-s@0a1b2c3d4e5f`."""
        return f"{self.name}@{self.sha256[:12]}"

    @property
    def precision(self) -> str:
        """Type of its output."""
        return self.contract.precision if isinstance(self.contract, ModelContract) else "float32"

    @property
    def is_pair(self) -> bool:
        """Whether it keeps the contract "relight/2"."""
        return isinstance(self.contract, PairContract)

    @property
    def special_options(self) -> Sequence[str]:
        """The options that it takes and a model of the other contract does not."""
        return (*LAMP_OPTIONS, *GEOMETRY_OPTIONS) if self.is_pair else ("color",)


def following(key: Hashable) -> BatchKey | None:
    """Return the key of the light that follows when a scene has been read."""
    reads_scene = isinstance(key, BatchKey) and key.part == "scene"
    return key._replace(part="light") if reads_scene else None  # type: ignore[attr-defined]


def queue_of(
    engines: Mapping[str, Engine],
    *,
    durations: Durations,
    sizes: BatchSizes,
    max_wait_s: float,
    observe: Callable[[Batch], None],
    max_concurrency: int = 1,
) -> Batcher[InferenceInput, InputBatch, Tensors]:
    """Return the queue to the graphs of one model; not started.

    Args:
        engines: the graphs by part.
        durations: T(`BatchKey`, n).
        sizes: how many inputs a graph may be given.
        max_wait_s: admission refuses what would wait longer for the device.
        observe: called after each batch.
        max_concurrency: most batches at once, as `Engine` says.
    """

    def stage(inputs: Sequence[InferenceInput]) -> InputBatch:
        part = inputs[0].part
        tensors = {
            name: np.stack([one.inputs[name] for one in inputs], dtype=_DTYPES[spec.type])
            for name, spec in engines[part].inputs.items()
        }
        return InputBatch(part, tensors)

    def run(batch: InputBatch, concurrency: int) -> Sequence[Tensors]:
        outputs = engines[batch.part].run(batch.tensors, concurrency)
        if max_concurrency > 1:  # as it is kept; elsewhere narrowing would keep the device idle
            outputs = as_kept(batch.part, outputs)
        num_inputs = len(next(iter(batch.tensors.values())))
        return [{name: t[i] for name, t in outputs.items()} for i in range(num_inputs)]

    return Batcher(
        stage,
        run,
        durations=durations,
        sizes=sizes,
        max_wait_s=max_wait_s,
        observe=observe,
        max_concurrency=max_concurrency,
    )


def as_kept(part: str, outputs: Tensors) -> Tensors:
    """Return the outputs of a graph as they are kept: of a pair's graph in float16."""
    if part == WHOLE:
        return outputs
    return {name: tensor.astype(np.float16, copy=False) for name, tensor in outputs.items()}
