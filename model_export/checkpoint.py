"""Checkpoints: trained weights and their provenance in one file.

A checkpoint is read without running code from it (`weights_only=True`) and replaced atomically.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from model_export.networks.architectures import ARCHITECTURES, build
from model_export.networks.base import RelightingNetwork
from relight.atomic import replacing
from relight.lights import Light

FORMAT: Final = "relight-checkpoint/1"
_KEYS: Final = ("format", "architecture", "lights", "provenance", "weights")


class CheckpointError(ValueError):
    """A file or a state dict is not a valid checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Weights of a network and their history.

    Attributes:
        architecture: name in `model_export.networks.architectures.ARCHITECTURES`.
        lights: the lights that the network renders, such as `("E-4500",)`.
        weights: state dict of the network, on the CPU.
        provenance: origin of the weights, a flat table. The export needs `trained_on` (the
            data, in a few words), `license` (SPDX identifier) and `size_px` (short side of the
            training pictures), and exports every `metrics.<name>` as a metric.
    """

    architecture: str
    lights: tuple[str, ...]
    weights: Mapping[str, Tensor]
    provenance: Mapping[str, str | int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values that no network can load.

        Raises:
            CheckpointError: the architecture, a light or a weight is unknown.
        """
        if self.architecture not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise CheckpointError(f"architecture {self.architecture!r} is not one of {known}")
        if not self.lights:
            raise CheckpointError("a checkpoint must name at least one light")
        for light in self.lights:
            try:
                Light.parse(light)
            except ValueError as error:
                raise CheckpointError(str(error)) from None
        for name, value in self.provenance.items():
            if not isinstance(name, str) or not isinstance(value, str | int | float):
                raise CheckpointError(f"provenance {name!r} is neither text nor a number")
        try:
            expected = expected_weights(self.architecture, len(self.lights))
        except ValueError as error:  # it cannot render that many lights
            raise CheckpointError(str(error)) from None
        refuse_unlike(self.weights, expected)

    def network(self) -> RelightingNetwork:
        """Return the network with these weights as float32, on the CPU, in evaluation mode."""
        with torch.device("meta"):  # the initial weights would be discarded
            network = build(self.architecture, len(self.lights))
        weights = {name: weight.float() for name, weight in self.weights.items()}
        network.load_state_dict(weights, assign=True)
        return network.eval()


def expected_weights(architecture: str, num_lights: int = 1) -> dict[str, Tensor]:
    """Return the state dict of an architecture as meta tensors: names and shapes, no data."""
    with torch.device("meta"):
        return dict(build(architecture, num_lights).state_dict())


def refuse_unlike(weights: Mapping[str, Any], expected: Mapping[str, Tensor]) -> None:
    """Refuse weights whose names, shapes or type differ from the expected ones.

    Raises:
        CheckpointError: they differ; the text names the first ones.
    """
    missing = [name for name in expected if name not in weights]
    unknown = [name for name in weights if name not in expected]
    if missing or unknown:
        raise CheckpointError(
            f"the weights do not fit: {len(missing)} missing ({_first(missing)}),"
            f" {len(unknown)} unknown ({_first(unknown)})"
        )
    for name, tensor in expected.items():
        found = weights[name]
        if not isinstance(found, Tensor) or not found.is_floating_point():
            raise CheckpointError(f"weight {name!r} is not a tensor of floats")
        if found.shape != tensor.shape:
            shapes = f"{tuple(found.shape)}, not {tuple(tensor.shape)}"
            raise CheckpointError(f"weight {name!r} has the shape {shapes}")


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; an existing file is replaced atomically."""
    document = {
        "format": FORMAT,
        "architecture": checkpoint.architecture,
        "lights": list(checkpoint.lights),
        "provenance": dict(checkpoint.provenance),
        "weights": {name: weight.detach().cpu() for name, weight in checkpoint.weights.items()},
    }
    with replacing(path) as stream:
        torch.save(document, stream)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: the file is not a checkpoint, is damaged, or its weights do not fit.
        OSError: the file cannot be read.
    """
    document = load_tensors(path)
    missing = [key for key in _KEYS if key not in document]
    if missing or document["format"] != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of the format {FORMAT!r}")
    return Checkpoint(
        architecture=document["architecture"],
        lights=tuple(document["lights"]),
        weights=document["weights"],
        provenance=document["provenance"],
    )


def load_tensors(path: Path) -> dict[str, Any]:
    """Read a dict of tensors and plain values written by `torch.save`, without running code.

    Raises:
        CheckpointError: the file is not such a dict, or contains code.
        OSError: the file cannot be read.
    """
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{path} is not a file of tensors: {reason}") from error
    if not isinstance(document, dict):
        raise CheckpointError(f"{path} holds a {type(document).__name__}, not a dict")
    return document


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "") if names else "none"
