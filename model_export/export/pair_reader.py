"""Reads `drn-g`'s weights back from an exported pair, so that what was shipped can learn on."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor

from model_export.checkpoint import CheckpointError
from model_export.networks.drn_g import DrnG


def pair_weights(scene: Path) -> dict[str, Tensor]:
    """Return the weights of NAME.scene.onnx and of NAME.light.onnx beside it.

    They are exact to the rounding of 16-bit weights.

    Raises:
        CheckpointError: a file was not exported from this network.
        OSError: a file cannot be read.
    """
    light = scene.with_name(scene.name.replace(".scene.onnx", ".light.onnx"))
    stored: dict[str, Tensor] = {}
    removal = None
    for path in (scene, light):
        try:
            document = onnx.load(path)
        except DecodeError as error:
            raise CheckpointError(f"{path} is not an ONNX file: {error}") from None
        for tensor in document.graph.initializer:
            stored[tensor.name] = torch.from_numpy(numpy_helper.to_array(tensor).copy())
        metadata = {entry.key: entry.value for entry in document.metadata_props}
        removal = float(metadata.get("removal", "nan"))
    weights = DrnG().state_dict()
    for name, own in weights.items():
        if name.endswith("num_batches_tracked"):
            continue
        if name == "rerenderer.removal":
            weights[name] = torch.tensor(removal)
        elif name in stored:
            weights[name] = stored[name].float().reshape(own.shape)
        elif f"{name}.steps" in stored:
            weights[name] = stored[f"{name}.steps"].float() * stored[f"{name}.scale"]
        else:
            raise CheckpointError(f"{scene} and {light.name} lack {name}")
    return weights
