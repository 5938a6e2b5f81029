"""A checkpoint of the smallest network as it is before any training."""

import torch

from model_export.checkpoint import Checkpoint
from model_export.networks.drn import build


def untrained(lights: tuple[str, ...] = ("E-4500",), **provenance: str | int | float) -> Checkpoint:
    torch.manual_seed(0)
    weights = build("drn-xs", len(lights)).state_dict()
    for name in weights:
        if name.endswith(".table.weight"):  # zero before any training: all lights alike
            weights[name] = torch.randn_like(weights[name]) / 4
    # An untrained network of two channels amplifies every rounding; a fainter picture of it
    # keeps what float32 leaves within the bounds that hold for trained networks.
    weights["rerenderer.paint.0.weight"] *= 0.5
    origin = {"trained_on": "nothing", "license": "Apache-2.0"}
    return Checkpoint(
        architecture="drn-xs", lights=lights, weights=weights, provenance=origin | provenance
    )
