"""Checks that a model still produces the output that it was released with.

A model whose output for its golden picture differs, on this device and with this runtime, is
refused.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relight.errors import ModelRefused
from service.contract.golden import golden_path, read_golden, read_pair_golden
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, OUTPUT_NAME
from service.contract.pair import LIGHT_INPUTS, LIGHT_OUTPUTS, SCENE_OUTPUTS
from service.inference.session import Engine, Tensors

TOLERANCE: Final = 2e-2  # kernels differ, and float16 rounds; a wrong model differs by more

_WHOLE: Final = (INPUT_NAME, OUTPUT_NAME)
_SHARE: Final = 0.99  # of a pair's pixels are held to it

_log = logging.getLogger(__name__)


def check_golden(model: Path, engine: Engine, num_lights: int) -> None:
    """Compare a model with its golden file; a missing file is logged.

    Raises:
        ModelRefused: the file is broken, or the output differs.
    """
    golden = _golden_of(model, lambda path: dict(zip(_WHOLE, read_golden(path), strict=True)))
    if golden is not None:
        relit = render_lights(engine, golden["image"], num_lights)
        _compare({OUTPUT_NAME: relit}, golden, share=1.0)


def check_pair_golden(model: Path, scene: Engine, light: Engine) -> None:
    """Hold the graphs of a pair against their golden file, as `check_golden` does.

    Raises:
        ModelRefused: the file is broken, or an output is another.
    """
    golden = _golden_of(model, read_pair_golden)
    if golden is None:
        return
    read = scene.run({INPUT_NAME: golden["image"][None]})
    _compare({name: read[name] for name in SCENE_OUTPUTS}, golden)
    for i in range(len(golden["light"])):
        lamp = {name: golden[name][i : i + 1] for name in ("light", "softness")}
        surfaces = {name: golden[name] for name in LIGHT_INPUTS if name not in lamp}
        arriving = light.run(surfaces | lamp)
        promised = {name: golden[name][i : i + 1] for name in LIGHT_OUTPUTS}
        _compare({name: arriving[name] for name in LIGHT_OUTPUTS}, promised)


def render_lights(engine: Engine, image: NDArray[np.uint8], num_lights: int) -> NDArray[np.float32]:
    """Return a model's output for a picture under each of its lights, (num_lights, h, w, 3)."""
    feeds: list[dict[str, NDArray[Any]]] = [{INPUT_NAME: image[None]} for _ in range(num_lights)]
    if num_lights > 1:
        feeds = [feed | {LIGHT_NAME: np.array([i], np.int64)} for i, feed in enumerate(feeds)]
    return np.stack([engine.run(feed)[OUTPUT_NAME][0].astype(np.float32) for feed in feeds])


def _golden_of(
    model: Path, read: Callable[[Path], dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]] | None:
    path = golden_path(model)
    if not path.exists():
        _log.warning("%s has no %s: its output is not compared", model.name, path.name)
        return None
    try:
        return read(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelRefused(f"its golden file is broken: {error}") from error


def _compare(made: Tensors, promised: Tensors, share: float = _SHARE) -> None:
    """Refuse outputs that are off; in units of the largest value, where that is above 1."""
    for name, output in made.items():
        golden = promised[name]
        if output.shape != golden.shape:
            raise ModelRefused(f"its golden output is {golden.shape}, its {name!r} {output.shape}")
        unit = max(1.0, float(np.abs(golden).max()))
        # The edge of a shadow may fall one pixel further on another device.
        off = float(np.quantile(np.abs(output - golden), share)) / unit
        if not off <= TOLERANCE:  # also true of NaN
            raise ModelRefused(f"it is off its golden {name!r} by {off:.3g}, more than {TOLERANCE}")
