"""Exports a checkpoint to the file that the service loads, and checks that both agree.

    checkpoint -> PixelGraph -> ONNX -> 16-bit weights -> contract -> parity -> file, card

Nothing is written before ONNX Runtime has run the graph beside PyTorch.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnx_ir as ir
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from PIL import Image

from model_export.checkpoint import Checkpoint, CheckpointError
from model_export.export import narrowing
from model_export.export.card import model_card
from model_export.export.graph import PixelGraph
from model_export.export.parity import prove_parity, relight
from model_export.networks.drn import Drn
from relight.atomic import replacing
from relight.lights import Light
from service.contract.buckets import buckets_for
from service.contract.golden import golden_path, golden_picture, write_golden
from service.contract.metadata import (
    INPUT_NAME,
    LIGHT_NAME,
    OUTPUT_NAME,
    SIZE_MULTIPLE_PX,
    ModelContract,
)

OPSET: Final = 20
# In units of the output, 0 to 1. With exact weights only the order of float32 sums differs;
# rounded weights change the output by their rounding, propagated through about a hundred layers.
EXACT_ATOL: Final = 1e-4
ROUNDED_ATOL: Final = 2e-3
_TRACED_SHAPE: Final = (2, 4 * SIZE_MULTIPLE_PX, 6 * SIZE_MULTIPLE_PX, 3)  # no result depends on it


def export_onnx(
    checkpoint: Checkpoint,
    checkpoint_sha256: str,
    out: Path,
    *,
    name: str,
    version: str,
    precision: str = "float32",
    narrow_weights: bool = True,
    parity_shapes: Sequence[tuple[int, int]] | None = None,
    failures: Path | None = None,
) -> ModelContract:
    """Write `out` (ONNX), its golden output (`.golden.npz`) and its model card (`.md`).

    The arithmetic is always float32: ONNX Runtime widens narrow weights once, when it loads the
    file. They are integers with a scale per slice; small tensors stay exact.

    Args:
        checkpoint: with the provenance that `Checkpoint` requires.
        checkpoint_sha256: checksum of the checkpoint's file.
        out: the file to write; an existing one is replaced once the new one is verified.
        name: the model's short name.
        version: version of the weights.
        precision: type of the output pixels, `float16` or `float32`.
        narrow_weights: store the weights in 16 bits, for half the size.
        parity_shapes: (h, w) to check, in pixels; default: every bucket of the service.
        failures: picture of failures to copy beside the card (`.failures.jpg`).

    Returns:
        Metadata of the file.

    Raises:
        CheckpointError: the checkpoint lacks provenance, or is a baseline's.
        ModelRefused: the precision is unknown.
        ParityError: the graph and the network disagree; no file is written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)  # before the work starts
    shown = _as_jpeg(failures) if failures else None
    contract = _contract(checkpoint, checkpoint_sha256, name, version, precision)
    output_type: torch.dtype = getattr(torch, contract.precision)
    model = _trace(PixelGraph(_drn(checkpoint), output_type))
    if narrow_weights:
        narrowing.narrow_weights(model.graph)
    model.metadata_props.update(contract.to_metadata())
    document = ir.to_proto(model)
    onnx.checker.check_model(document, full_check=True)
    content = document.SerializeToString()
    exact = precision == "float32" and not narrow_weights
    atol = EXACT_ATOL if exact else ROUNDED_ATOL
    shapes = parity_shapes or [(b.height_px, b.width_px) for b in buckets_for(contract.size_px)]
    difference = prove_parity(checkpoint.network(), content, shapes, atol)
    with replacing(out) as stream:
        stream.write(content)
    with replacing(golden_path(out)) as stream:
        image, network = golden_picture(), checkpoint.network()
        relit = [relight(network, image, light) for light in range(network.num_lights)]
        write_golden(stream, image, np.stack(relit))
    failures_path = out.with_suffix(".failures.jpg")
    failures_path.unlink(missing_ok=True)  # an older model's
    if shown:
        with replacing(failures_path) as stream:
            stream.write(shown)
    with replacing(out.with_suffix(".md")) as stream:
        card = model_card(
            contract,
            checkpoint,
            file_name=out.name,
            content=content,
            difference=difference,
            failures=failures_path.name if shown else None,
        )
        stream.write(card.encode())
    return contract


def _as_jpeg(picture: Path) -> bytes:
    stream = io.BytesIO()
    with Image.open(picture) as opened:
        opened.convert("RGB").save(stream, format="jpeg", quality=85, optimize=True)
    return stream.getvalue()


def _drn(checkpoint: Checkpoint) -> Drn:
    network = checkpoint.network()
    if not isinstance(network, Drn):
        raise CheckpointError(f"only DRN is exported, not {checkpoint.architecture}")
    return network


def _contract(
    checkpoint: Checkpoint, checkpoint_sha256: str, name: str, version: str, precision: str
) -> ModelContract:
    provenance = checkpoint.provenance
    missing = [key for key in ("trained_on", "size_px", "license") if key not in provenance]
    if missing:
        raise CheckpointError(f"the checkpoint's provenance lacks {', '.join(missing)}")
    return ModelContract(
        name=name,
        version=version,
        lights=tuple(map(Light.parse, checkpoint.lights)),
        size_px=int(provenance["size_px"]),
        precision=precision,
        checkpoint_sha256=checkpoint_sha256,
        trained_on=str(provenance["trained_on"]),
        license=str(provenance["license"]),
        metrics={
            key.removeprefix("metrics."): value
            for key, value in provenance.items()
            if key.startswith("metrics.")
        },
        softness_px=float(provenance["softness_px"]) if "softness_px" in provenance else None,
    )


def _trace(graph: PixelGraph) -> ir.Model:
    """Return the graph as ONNX with dynamic n, h and w, and without paths of this machine.

    The trace uses one size, which takes a third of the time of a symbolic one. No node of the
    graph depends on the size, and the parity check covers the other sizes.
    """
    several = graph.network.num_lights > 1
    lights = (torch.zeros(_TRACED_SHAPE[:1], dtype=torch.int64),) if several else ()
    with warnings.catch_warnings():
        # PyTorch 2.13's exporter fails because one of its classes was renamed.
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        program = torch.onnx.export(
            graph.eval(),
            (torch.zeros(_TRACED_SHAPE, dtype=torch.uint8), *lights),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT_NAME, LIGHT_NAME][: 1 + len(lights)],
            output_names=[OUTPUT_NAME],
            verbose=False,
        )
    assert program is not None
    model = program.model
    for node in model.graph:
        for value in node.outputs:
            value.shape = None
    for value in (*model.graph.inputs, *model.graph.outputs):
        value.shape = ir.Shape(["n"] if value.name == LIGHT_NAME else ["n", "h", "w", 3])
    ClearMetadataAndDocStringPass()(model)  # source lines and their paths
    return model
