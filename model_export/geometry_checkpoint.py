"""`drn-g`'s weights with their history, in one file that is replaced as a whole."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from model_export.checkpoint import CheckpointError, refuse_unlike
from model_export.networks.drn_g import DrnG
from relight.atomic import replacing

FORMAT: Final = "relight-checkpoint/drn-g"

Provenance = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class GeometryCheckpoint:
    """State dict of `DrnG` on the CPU, and where it comes from (`trained_on`, `license`, ...)."""

    weights: Mapping[str, Tensor]
    provenance: Provenance


def save_geometry(path: Path, checkpoint: GeometryCheckpoint) -> None:
    """Write a checkpoint."""
    document = {
        "format": FORMAT,
        "weights": dict(checkpoint.weights),
        "provenance": dict(checkpoint.provenance),
    }
    with replacing(path) as stream:
        torch.save(document, stream)


def is_geometry(path: Path) -> bool:
    """Return whether a file is a checkpoint of `drn-g`."""
    try:
        document = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, pickle.UnpicklingError):
        return False
    return isinstance(document, dict) and document.get("format") == FORMAT


def load_geometry(path: Path) -> GeometryCheckpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: the file is something else, or of another network.
        OSError: the file cannot be read.
    """
    if not is_geometry(path):
        raise CheckpointError(f"{path} is no checkpoint of drn-g")
    document = torch.load(path, map_location="cpu", weights_only=True)
    refuse_unlike(_floats(document["weights"]), _floats(DrnG().state_dict()))
    return GeometryCheckpoint(document["weights"], document["provenance"])


def _floats(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights without the counters of batch norms."""
    return {name: weight for name, weight in weights.items() if weight.is_floating_point()}
