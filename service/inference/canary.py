"""Does a model still make what it made when it was released?

A model whose output on its golden picture is another, on this device and with this runtime,
does not serve.
"""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relight.errors import ModelRefused
from service.contract.golden import golden_path, read_golden
from service.inference.session import Engine

TOLERANCE: Final = 2e-2  # kernels differ, and float16 rounds; a wrong model is further off

_log = logging.getLogger(__name__)


def check_golden(model: Path, engine: Engine, num_lights: int) -> None:
    """Hold a model against its golden file; where there is none, the log says so.

    Raises:
        ModelRefused: the file is broken, or the output is another.
    """
    path = golden_path(model)
    if not path.exists():
        _log.warning("%s has no %s: its output is not compared", model.name, path.name)
        return
    try:
        image, promised = read_golden(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelRefused(f"its golden file is broken: {error}") from error
    relit = render_lights(engine, image, num_lights)
    if relit.shape != promised.shape:
        raise ModelRefused(f"its golden output is {promised.shape}, it makes {relit.shape}")
    worst = float(np.abs(relit - promised).max())
    if not worst <= TOLERANCE:  # also true of NaN
        raise ModelRefused(f"it is off its golden output by {worst:.3g}, more than {TOLERANCE}")


def render_lights(engine: Engine, image: NDArray[np.uint8], num_lights: int) -> NDArray[np.float32]:
    """Return what a model makes of a picture under each of its lights, (num_lights, h, w, 3)."""
    lights = [None] if num_lights == 1 else [np.array([i], np.int64) for i in range(num_lights)]
    return np.stack([engine.run(image[None], light)[0].astype(np.float32) for light in lights])
