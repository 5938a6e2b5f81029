"""From `drn-g`'s weights to the files that the service loads, and the proof that both agree.

    weights -> scene and light graph -> ONNX -> 16-bit weights -> contract -> parity -> files, card

No file is written before ONNX Runtime has run both graphs beside PyTorch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from model_export.export.narrowing import narrow_weights
from model_export.export.pair_card import pair_card
from model_export.export.pair_graphs import trace
from model_export.export.pair_parity import prove_pair_parity, run_light, run_scene
from model_export.geometry_checkpoint import GeometryCheckpoint
from model_export.networks.drn_g import DrnG
from relight.atomic import replacing
from service.contract.buckets import buckets_for
from service.contract.golden import golden_picture, round_scene, write_pair_golden
from service.contract.pair import PARTS, PairContract

SIZE_PX: Final = 256
ELEVATION_DEG: Final = 35.0  # chosen by eye: a key light's
AMBIENT: Final = 0.06
SOFTNESS: Final = 0.25
_REMOVAL: Final = "rerenderer.removal"


def export_pair(
    checkpoint: GeometryCheckpoint,
    checkpoint_sha256: str,
    out: Path,
    *,
    version: str,
    size_px: int = SIZE_PX,
    elevation_deg: float = ELEVATION_DEG,
    ambient: float = AMBIENT,
    softness: float = SOFTNESS,
    removal: float | None = None,
    parity_shapes: Sequence[tuple[int, int]] | None = None,
) -> PairContract:
    """Write NAME.scene.onnx, NAME.light.onnx, their golden outputs and the model card.

    Args:
        checkpoint: with `trained_on` and `license` in its provenance, and every `metrics.<name>`.
        checkpoint_sha256: checksum of its file.
        out: folder/NAME.onnx, which itself is not written; older files of NAME are replaced.
        version: version of the weights.
        size_px: side of the square picture that the service's buckets have the area of.
        elevation_deg: of a lamp that is given by its direction alone.
        ambient: share of the new light that comes from all sides.
        softness: of a lamp where none is asked for, 0 (hard) to 1 (overcast).
        removal: share of the photo's own light that is taken out; None: as it was learned.
        parity_shapes: (h, w) to prove the graphs at, in pixels; else every bucket.

    Raises:
        ParityError: the graphs and the network disagree; no file is written.
    """
    folder, name = out.parent, out.name.removesuffix(".onnx").removesuffix(".scene")
    weights, provenance = checkpoint.weights, checkpoint.provenance
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
        softness=softness,
        ambient=ambient,
        removal=round(float(weights[_REMOVAL].clamp(0, 1)) if removal is None else removal, 3),
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
    lamps: dict[str, NDArray[np.float32]] = {
        "light": light,
        "softness": np.array([0, 0, 0.5, 1], np.float32),
    }
    repeated = {key: np.repeat(map_, 4, axis=0) for key, map_ in round_scene(scene).items()}
    with replacing(path) as stream:
        write_pair_golden(stream, image, scene, lamps, run_light(network, repeated | lamps))
