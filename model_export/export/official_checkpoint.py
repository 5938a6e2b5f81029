"""Converts the authors' released checkpoint to our names.

Their file (`latest_net_G.pth`) is a flat state dict of the paper's network. Each of its roots
corresponds to one part of `Drn`:

    toHDR.*              scene_reconversion.*
    estLight.*           shadow_prior.*
    toHDR_channel.1      rerenderer.structure_adapter
    estLight_channel.1   rerenderer.light_adapter
    comb.*               rerenderer.perception and .recalibration
    out.1                rerenderer.paint
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from model_export.checkpoint import (
    Checkpoint,
    CheckpointError,
    expected_weights,
    load_tensors,
    refuse_unlike,
    save,
)
from model_export.networks.blocks import NUM_RESIDUAL_BLOCKS, NUM_SCALES
from model_export.networks.drn import DILATIONS
from service.contract.checksum import sha256_of

PUBLISHED_ARCHITECTURE: Final = "drn"
PUBLISHED_LIGHT: Final = "E-4500"
PUBLISHED_SIZE_PX: Final = 512

_DOWN: Final = {
    "encode": "conv1.conv",
    "decode": "conv2.deconv",
    "encode_residual": "conv3.conv",
    "weight_input": "local_weight1.conv",
    "weight_code": "local_weight2.conv",
}
_UP: Final = {
    "decode": "conv1.deconv",
    "encode": "conv2.conv",
    "decode_residual": "conv3.deconv",
    "weight_input": "local_weight1.conv",
    "weight_result": "local_weight2.conv",
}
_RERENDERER: Final = {
    "structure_adapter.0": "toHDR_channel.1",
    "light_adapter.0": "estLight_channel.1",
    **{f"perception.branches.{k}.0": f"comb.branch{k + 1}.conv" for k in range(len(DILATIONS))},
    "recalibration.merge.0": "comb.fusion.mergeFeather.conv",
    "recalibration.gate.0": "comb.fusion.fc.0",
    "recalibration.gate.2": "comb.fusion.fc.2",
    "recalibration.mix.0": "comb.fusion.outlayer.conv",
    "paint.0": "out.1",
}


def from_official_checkpoint(
    state_dict: Mapping[str, Any], architecture: str = PUBLISHED_ARCHITECTURE
) -> dict[str, Tensor]:
    """Rename the authors' weights to ours; none may be missing or left over.

    Args:
        state_dict: the authors' names, with or without the `module.` of parallel training.
        architecture: name of the size; the authors published `drn`.

    Returns:
        State dict of `Drn` with the same tensors, not copied.

    Raises:
        CheckpointError: a name or a shape differs; the text names the first ones.
    """
    found = {name.removeprefix("module."): tensor for name, tensor in state_dict.items()}
    theirs = dict(_layers())
    ours = expected_weights(architecture)
    names = {ours_name: _rename(ours_name, theirs) for ours_name in ours}
    refuse_unlike(found, {names[name]: tensor for name, tensor in ours.items()})
    return {name: found[names[name]] for name in ours}


def import_official_checkpoint(
    path: Path, out: Path, architecture: str = PUBLISHED_ARCHITECTURE
) -> Checkpoint:
    """Convert the authors' checkpoint file to one of ours.

    Args:
        path: their `.pth`: the plain state dict, or one under the key `state_dict`.
        out: our file.
        architecture: name of the size; the authors published `drn`.

    Raises:
        CheckpointError: the file is not the published network.
        OSError: a file cannot be read or written.
    """
    document = load_tensors(path)
    state_dict = document.get("state_dict", document)
    if not isinstance(state_dict, dict):
        raise CheckpointError(f"{path}: 'state_dict' is not a dict")
    checkpoint = Checkpoint(
        architecture=architecture,
        lights=(PUBLISHED_LIGHT,),
        weights=from_official_checkpoint(state_dict, architecture),
        provenance={
            "trained_on": "VIDIT, by the authors of DRN",
            "size_px": PUBLISHED_SIZE_PX,
            "license": "NOASSERTION",  # the authors give none for their weights
            "source": path.name,
            "source_sha256": sha256_of([path]),
        },
    )
    save(out, checkpoint)
    return checkpoint


def _layers() -> Iterator[tuple[str, str]]:
    """Yield each layer of `Drn` that has weights, with the authors' name."""
    yield from _sub_network("scene_reconversion", "toHDR", head="out.1")
    yield "scene_reconversion.skip.0", "toHDR.shortconect.1"
    yield from _sub_network("shadow_prior", "estLight", head="decoder.5")
    for ours, theirs in _RERENDERER.items():
        yield f"rerenderer.{ours}", theirs


def _sub_network(ours: str, theirs: str, head: str) -> Iterator[tuple[str, str]]:
    yield f"{ours}.stem.0", f"{theirs}.inlayer.1"
    for k in range(NUM_SCALES):
        for our_layer, their_layer in _DOWN.items():
            yield f"{ours}.encoder.{k}.{our_layer}.0", f"{theirs}.encoder.{k}.{their_layer}"
        for our_layer, their_layer in _UP.items():
            yield f"{ours}.decoder.{k}.{our_layer}.0", f"{theirs}.decoder.{k}.{their_layer}"
    for k in range(NUM_RESIDUAL_BLOCKS):
        yield f"{ours}.bottleneck.{k}.body.0.0", f"{theirs}.manipulate.{k}.conv_block.1"
        yield f"{ours}.bottleneck.{k}.body.1", f"{theirs}.manipulate.{k}.conv_block.5"
    yield f"{ours}.head.0", f"{theirs}.{head}"


def _rename(name: str, layers: Mapping[str, str]) -> str:
    layer, _, parameter = name.rpartition(".")
    return f"{layers[layer]}.{parameter}"
