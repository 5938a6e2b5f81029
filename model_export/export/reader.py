"""Reads the weights of an exported file, so that training can continue from them.

This reverses the changes of the writer and its graph, up to the rounding of 16-bit weights. An
exported graph lacks the weights that it does not need: the heads of the first two training stages,
biases that an instance norm cancels, and zero biases.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor

from model_export.checkpoint import CheckpointError, load

_PREFIX: Final = "network."
_BRANCH: Final = re.compile(r"(rerenderer\.perception)\.weights\.(\d+)$")
_PAINT: Final = "rerenderer.paint.0"


def initial_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of a checkpoint `.pt` or of an exported `.onnx`, under `Drn`'s names.

    Raises:
        CheckpointError: the file has other content.
        OSError: the file cannot be read.
    """
    if path.suffix == ".onnx":
        return _exported_weights(path)
    return dict(load(path).weights)


def _exported_weights(path: Path) -> dict[str, Tensor]:
    try:
        stored = {
            tensor.name.removeprefix(_PREFIX): torch.from_numpy(
                numpy_helper.to_array(tensor).copy()
            )
            for tensor in onnx.load(path).graph.initializer
            if tensor.name.startswith(_PREFIX)
        }
    except DecodeError as error:
        raise CheckpointError(f"{path} is not an ONNX file: {error}") from None
    names = {name.removesuffix(".steps").removesuffix(".scale") for name in stored}
    if f"{_PAINT}.weight" not in names:
        raise CheckpointError(f"{path} was not exported from this network")
    weights = {
        _BRANCH.sub(r"\1.branches.\2.0.weight", name): _widened(stored, name) for name in names
    }
    return {name: _one_phase(name, values) for name, values in weights.items()}


def _widened(stored: dict[str, Tensor], name: str) -> Tensor:
    """Return a weight as float32, stored as float32 or as 16-bit integers."""
    if name in stored:
        return stored[name].float()
    return stored[f"{name}.steps"].float() * stored[f"{name}.scale"]


def _one_phase(name: str, values: Tensor) -> Tensor:
    """Return the 7x7 paint layer from its 8x8 convolution of four phases: the first phase."""
    if name == f"{_PAINT}.weight":
        return values[::4, :, :-1, :-1].clone()
    return values[::4].clone() if name == f"{_PAINT}.bias" else values
