"""Reads the folder of models: finds the files of each model, and refuses incomplete ones.

`NAME.onnx` is a model of the contract "relight/1"; `NAME.scene.onnx` and `NAME.light.onnx` are
one of "relight/2", and both must be there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from relight.errors import ModelRefused
from service.contract.checksum import sha256_of
from service.contract.pair import PARTS
from service.inference.model import Model


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder held: good models, and a line for each that is refused."""

    models: Sequence[Model]
    refusals: Sequence[str]


def load_folder(
    folder: Path, load: Callable[[Sequence[Path]], Model], keep: Sequence[Model] = ()
) -> Loaded:
    """Load every model of a folder.

    Args:
        folder: where the files lie.
        load: loads one model from its files.
        keep: models loaded already; files with the checksum of one are not loaded again.
    """
    loaded_before = {model.sha256: model for model in keep}
    models: dict[str, Model] = {}
    groups = _groups(sorted(folder.glob("*.onnx")))
    refusals = [] if groups else [f"there is no .onnx file in {folder}"]
    for paths in groups:
        try:
            missing = [path.name for path in paths if not path.exists()]
            if missing and len(paths) > 1:
                raise ModelRefused(f"it is half of a pair, and {missing[0]} is missing")
            model = loaded_before.get(sha256_of(paths)) or load(paths)
            if model.name in models:
                raise ModelRefused(f"another model has the name {model.name!r} too")
        except ModelRefused as error:
            names = " and ".join(path.name for path in paths if path.exists())
            refusals.append(f"{names}: {error}")
        except OSError as error:  # a link to nothing, a folder, a file that may not be read
            names = " and ".join(path.name for path in paths)
            refusals.append(f"{names}: it cannot be read: {error.strerror or error}")
        else:
            models[model.name] = model
    return Loaded(tuple(models.values()), refusals)


def _groups(paths: Sequence[Path]) -> Sequence[tuple[Path, ...]]:
    """Return the files of each model, by name; of a pair both, be they there or not."""
    groups: dict[tuple[Path, ...], None] = {}
    for path in paths:
        name, _, part = path.stem.rpartition(".")
        is_half = bool(name) and part in PARTS
        halves = tuple(path.with_name(f"{name}.{part}.onnx") for part in PARTS)
        groups[halves if is_half else (path,)] = None
    return tuple(groups)
