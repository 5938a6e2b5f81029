"""Parts of a scene that no lamp reaches: pits, ledges, and the night behind the last wall."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

_OCTAVES: Final = ((3, 1.0), (8, 0.4), (32, 0.15))  # cells on a side, and the height of the noise
_MAX_TILT: Final = 2.0  # above 1 a void mostly lies at the top or at the bottom
_EDGE: Final = 0.05  # height over which the light fades
_SHARE: Final = (0.1, 0.5)


def draw_lit(rng: np.random.Generator, size_px: int) -> npt.NDArray[np.float32]:
    """Return how much of the light arrives at each pixel, (size_px, size_px, 1), 0 to 1.

    The void's outline is that of a noise of three octaves, cut off where it has a tenth to half
    of the picture.
    """
    rows = np.linspace(-1, 1, size_px, dtype=np.float32)[:, None]
    height = np.float32(rng.uniform(-_MAX_TILT, _MAX_TILT)) * rows
    for num_cells, amplitude in _OCTAVES:
        cells = rng.standard_normal((num_cells, num_cells)).astype(np.float32)
        noise = cv2.resize(cells, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
        height = height + np.float32(amplitude) * noise
    level = np.quantile(height, rng.uniform(*_SHARE))
    lit: npt.NDArray[np.float32] = np.clip((height - level) / _EDGE, 0, 1).astype(np.float32)
    return lit[:, :, None]
