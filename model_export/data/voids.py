"""Voids: parts of a scene that no lamp reaches, such as pits, ledges and a dark background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from model_export.data.sending import send

_OCTAVES: Final = ((3, 1.0), (8, 0.4), (32, 0.15))  # cells per side, and the height of the noise
_MAX_TILT: Final = 2.0  # above 1, most voids are at the top or the bottom
_EDGE: Final = 0.05  # height over which the light fades
_SHARE: Final = (0.1, 0.5)


@dataclass(frozen=True, slots=True)
class Void:
    """The random choices of a void.

    Attributes:
        tilt: how much lower the height is at the top than at the centre.
        cells: noise of each octave, float32 (num_cells, num_cells).
        share: share of the picture that is void.
    """

    tilt: float
    cells: tuple[npt.NDArray[np.float32], ...]
    share: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Void:
        """Draw a void that covers a tenth to half of the picture."""
        tilt = rng.uniform(-_MAX_TILT, _MAX_TILT)
        cells = tuple(rng.standard_normal((n, n)).astype(np.float32) for n, _ in _OCTAVES)
        return cls(tilt, cells, rng.uniform(*_SHARE))


def lit(voids: Sequence[Void], size_px: int, device: torch.device) -> Tensor:
    """Return the share of light at each pixel, float32 (n, size_px, size_px), 0 to 1.

    A void is where a noise of three octaves is below the threshold that gives its share.
    """
    tilts = send([void.tilt for void in voids], device)[:, None, None]
    height = tilts * torch.linspace(-1, 1, size_px, device=device)[:, None]  # (n, h, 1)
    for octave, (_, amplitude) in enumerate(_OCTAVES):
        cells = send([void.cells[octave] for void in voids], device)
        noise = F.interpolate(cells[:, None], size=(size_px, size_px), mode="bicubic")
        height = height + amplitude * noise[:, 0]  # (n, h, w)
    ordered = height.flatten(1).sort(dim=1).values
    level = torch.stack(
        [row[round(void.share * (len(row) - 1))] for row, void in zip(ordered, voids, strict=True)]
    )
    return ((height - level[:, None, None]) / _EDGE).clamp(0, 1)
