"""Loads relighting methods from files.

.pt      a checkpoint of DRN or of a baseline, run by PyTorch
.onnx    an exported model, run as the service runs it
.json    the statistics of a global colour transfer
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from model_export.checkpoint import Checkpoint, load
from model_export.data.pairs import to_picture, to_tensor
from model_export.data.sources import MissingData, Picture
from model_export.evaluation.color_transfer import ColorTransfer
from model_export.networks.architectures import ARCHITECTURES
from relight.lights import Light
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, ModelContract

Relight = Callable[[Picture], Picture]


class LightNotRendered(ValueError):
    """A model does not render the light of the evaluation."""


@dataclass(frozen=True, slots=True)
class Method:
    """A relighting method.

    Attributes:
        name: its name in tables and sheets.
        relight: maps the input picture to the relit one, both (h, w, 3) sRGB.
        num_parameters: number of learned parameters; None if unknown.
    """

    name: str
    relight: Relight
    num_parameters: int | None = None


def open_methods(path: Path, target: Light) -> list[Method]:
    """Read the method of a file, or all methods of a comparison's folder in table order.

    Raises:
        LightNotRendered: a model renders other lights.
        MissingData: the folder holds no method.
        CheckpointError, ModelRefused, NotColorTransfer: a file has other content.
        OSError: a file cannot be read.
    """
    if not path.is_dir():
        return [_open_method(path, target)]
    ranks = {name: rank for rank, name in enumerate(ARCHITECTURES)}
    files = [*path.glob("*.json"), *path.glob("*.onnx"), *_checkpoints(path)]
    if not files:
        raise MissingData(f"{path} holds no method: no .pt, no .onnx, no .json")
    files.sort(key=lambda file: (file.suffix != ".json", ranks.get(file.stem, -1), file.stem))
    return [_open_method(file, target) for file in files]


def _checkpoints(folder: Path) -> Iterator[Path]:
    """Yield the checkpoints of a folder and its runs that are named after their architecture."""
    for pattern in ("*.pt", "*/*.pt"):
        yield from (path for path in folder.glob(pattern) if path.stem in ARCHITECTURES)


def _open_method(path: Path, target: Light) -> Method:
    if path.suffix == ".onnx":
        return Method(path.stem, _relight_with_onnx(path, target))
    if path.suffix == ".json":
        transfer = ColorTransfer.load(path)
        _index((Light.parse(transfer.light),), target)
        return Method(path.stem, transfer.relight, 6)
    checkpoint = load(path)
    num_parameters = sum(weight.numel() for weight in checkpoint.weights.values())
    return Method(path.stem, relight_with_checkpoint(checkpoint, target), num_parameters)


def relight_with_checkpoint(checkpoint: Checkpoint, target: Light) -> Relight:
    """Return the method of a checkpoint, run by PyTorch on the CPU.

    Raises:
        LightNotRendered: the checkpoint renders other lights.
    """
    light = torch.tensor([_index(tuple(map(Light.parse, checkpoint.lights)), target)])
    network = checkpoint.network()

    @torch.inference_mode()
    def relight(picture: Picture) -> Picture:
        return to_picture(network(to_tensor(picture)[None], light)[0])

    return relight


def _relight_with_onnx(model: Path, target: Light) -> Relight:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # waiting threads would count as CPU time
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    lights = ModelContract.from_metadata(metadata).lights
    index = _index(lights, target)
    light = {LIGHT_NAME: np.array([index])} if len(lights) > 1 else {}

    def relight(picture: Picture) -> Picture:
        (relit,) = session.run(None, {INPUT_NAME: picture[None], **light})
        return np.asarray(np.rint(relit[0] * 255), dtype=np.uint8)

    return relight


def _index(lights: Sequence[Light], target: Light) -> int:
    if target not in lights:
        rendered = ", ".join(map(str, lights))
        raise LightNotRendered(f"the model renders {rendered}, not {target}")
    return lights.index(target)
