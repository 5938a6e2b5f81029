"""A checkpoint of the smallest network as it is before any training."""

import torch

from model_export.checkpoint import Checkpoint
from model_export.drn import build


def untrained(**provenance: str | int | float) -> Checkpoint:
    torch.manual_seed(0)
    weights = build("drn-xs").state_dict()
    # An untrained network of two channels amplifies every rounding; a fainter picture of it
    # keeps what float32 leaves within the bounds that hold for trained networks.
    weights["rerenderer.paint.0.weight"] *= 0.5
    told = {"trained_on": "nothing", "license": "Apache-2.0"}
    return Checkpoint(
        architecture="drn-xs", lights=("E-4500",), weights=weights, provenance=told | provenance
    )
