"""The colour cast that a method adds to photos that already have the wanted light."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model_export.data.sources import Picture


class ColorCast(NamedTuple):
    """Change of the shares of red, green and blue in per cent, mean over photos.

    A picture's shares are the mean codes of its channels, relative to the mean of all three.
    """

    red: float
    green: float
    blue: float

    def __str__(self) -> str:
        return " / ".join(f"{change:+.1f}" for change in self) + " %"


def measure_cast(
    lit_already: Iterable[Picture], relight: Callable[[Picture], Picture]
) -> ColorCast:
    """Measure how a method changes the colour balance of photos that need no change.

    Args:
        lit_already: photos under the wanted light, uint8 (h, w, 3); none entirely black.
        relight: the method.
    """
    changes = [100 * (_shares(relight(photo)) / _shares(photo) - 1) for photo in lit_already]
    return ColorCast(*np.mean(changes, axis=0))


def _shares(picture: Picture) -> npt.NDArray[np.float64]:
    means: npt.NDArray[np.float64] = picture.mean(axis=(0, 1))
    return np.asarray(means / means.mean())
