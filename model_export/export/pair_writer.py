"""From `drn-g`'s weights to the pair of files that the service loads, and the proof that both agree.

    weights -> scene and light graph -> ONNX -> 16-bit weights -> contract -> parity -> files, card

No file is written before ONNX Runtime has run both graphs beside PyTorch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnx_ir as ir
from torch import Tensor

from model_export.atomic import replacing
from model_export.export.narrowing import narrow_weights
from model_export.export.pair_card import pair_card
from model_export.export.pair_graphs import trace
from model_export.export.pair_parity import prove_pair_parity, run_scene, run_light
from model_export.networks.drn_g import DrnG
from service.contract.buckets import buckets_for
from service.contract.golden import golden_picture, round_scene, write_pair_golden
from service.contract.pair import PARTS, PairContract

# Rounded weights move the maps by their rounding; the march then decides some pixels anew.
NETWORK: Final = "drn-g"
_REMOVAL: Final = "rerenderer.removal"


def export_pair(
    weights: Mapping[str, Tensor],
    provenance: Mapping[str, str | int | float],
    checkpoint_sha256: str,
    folder: Path,
    *,
    name: str = NETWORK,
    version: str,
    size_px: int,
    elevation_deg: float,
    ambient: float,
    removal: float | None = None,
    parity_shapes: Sequence[tuple[int, int]] | None = None,
) -> PairContract:
    """Write NAME.scene.onnx, NAME.light.onnx, their golden outputs and the model card.

    Args:
        weights: of `DrnG`.
        provenance: with `trained_on` and `license`, and every `metrics.<name>`.
        checkpoint_sha256: checksum of the file that the weights are from.
        folder: where the files go; older ones are replaced.
        name: the model's short name.
        version: version of the weights.
        size_px: side of the square picture that the service's buckets have the area of.
        elevation_deg: of a lamp that is given by its direction alone.
        ambient: share of the new light that comes from all sides.
        removal: share of the photo's own light that is taken out; None: as it was learned.
        parity_shapes: (h, w) to prove the graphs at, in pixels; else every bucket.

    Raises:
        ParityError: the graphs and the network disagree; no file is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = DrnG().eval()
    network.load_state_dict(dict(weights))
    models = {part: trace(network, part) for part in PARTS}
    for model in models.values():
        narrow_weights(model.graph)
    bare = [ir.to_proto(models[part]).SerializeToString(deterministic=True) for part in PARTS]
    contract = PairContract(
        name=name,
        version=version,
        size_px=size_px,
        pair_sha256=hashlib.sha256(b"".join(bare)).hexdigest(),
        checkpoint_sha256=checkpoint_sha256,
        trained_on=str(provenance["trained_on"]),
        license=str(provenance["license"]),
        elevation_deg=elevation_deg,
        softness=0.0,
        ambient=ambient,
        removal=round(float(weights[_REMOVAL]) if removal is None else removal, 3),
        metrics={
            key.removeprefix("metrics."): value
            for key, value in provenance.items()
            if key.startswith("metrics.")
        },
    )
    contents = {}
    for part, model in models.items():
        model.metadata_props.update(contract.to_metadata(part))
        document = ir.to_proto(model)
        onnx.checker.check_model(document, full_check=True)
        contents[part] = document.SerializeToString(deterministic=True)
    shapes = parity_shapes or [(b.height_px, b.width_px) for b in buckets_for(size_px)]
    difference = prove_pair_parity(network, contents, shapes)
    paths = {part: folder / f"{name}.{part}.onnx" for part in PARTS}
    for part, path in paths.items():
        with replacing(path) as stream:
            stream.write(contents[part])
    _write_golden(network, folder / f"{name}.golden.npz")
    card = pair_card(contract, provenance, contents, difference)
    with replacing(folder / f"{name}.md") as stream:
        stream.write(card.encode())
    return contract


def _write_golden(network: DrnG, path: Path) -> None:
    image = golden_picture()
    scene = run_scene(network, image[None])
    azimuths = np.deg2rad([90, 270, 0, 180])
    light = np.stack(
        [0.8 * np.sin(azimuths), np.full(4, 0.6), -0.8 * np.cos(azimuths)], axis=1
    ).astype(np.float32)
    lamps = {"light": light, "softness": np.float32([0, 0, 0.5, 1])}
    repeated = {key: np.repeat(map_, 4, axis=0) for key, map_ in round_scene(scene).items()}
    with replacing(path) as stream:
        write_pair_golden(stream, image, scene, lamps, run_light(network, repeated | lamps))
