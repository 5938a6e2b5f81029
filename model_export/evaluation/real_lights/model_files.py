"""Model files as methods to measure; `OPENERS` has one opener for each contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import onnx

from model_export.evaluation.real_lights.methods import LightMethod
from model_export.evaluation.real_lights.served import open_relight_1, open_relight_2
from relight.errors import ModelRefused
from service.contract import metadata, pair

OPENERS: Final[Mapping[str, Callable[[Path], LightMethod]]] = {
    metadata.FORMAT: open_relight_1,
    pair.FORMAT: open_relight_2,
}


def open_model_files(paths: Sequence[Path]) -> list[LightMethod]:
    """Return the methods of model files, named as the files; by their paths where names repeat.

    Raises:
        ModelRefused: a file is no model, or has a format that is not in `OPENERS`.
        OSError: a file cannot be read.
    """
    methods = [_open(path) for path in paths]
    names = [method.name for method in methods]
    return [
        replace(method, name=str(path)) if names.count(method.name) > 1 else method
        for path, method in zip(paths, methods, strict=True)
    ]


def _open(path: Path) -> LightMethod:
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError:
        raise
    except Exception as error:  # protobuf's errors have no common base but this
        raise ModelRefused(f"{path} is no ONNX file: {error}") from error
    written = {entry.key: entry.value for entry in model.metadata_props}
    opener = OPENERS.get(written.get("format", ""))
    if opener is None:
        raise ModelRefused(f"{path} has none of the formats {', '.join(OPENERS)}")
    return opener(path)
