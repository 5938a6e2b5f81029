"""Measures the blur of a network on held-out pairs.

`service.relighting.guided_upsampling` restores the detail that a network loses, and needs the
amount of blur. The true target has the same light, so only the network's blur differs. The
estimate for a single photo also mistakes vanished shadow edges for blur.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from model_export.data.sources import Picture
from service.contract.softness import estimate_softness


def measure_softness(
    pairs: Iterable[tuple[Picture, Picture]], relight: Callable[[Picture], Picture]
) -> float:
    """Return the blur of a network, the median over pairs.

    Args:
        pairs: inputs and their targets, uint8 (h, w, 3).
        relight: the network.

    Returns:
        Standard deviation of the Gaussian blur, in pixels of its output.
    """
    return float(
        np.median(
            [estimate_softness(_unit(target), _unit(relight(image))) for image, target in pairs]
        )
    )


def _unit(picture: Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return picture.astype(np.float32) / np.float32(255)
