"""Scene-linear light of batches on any device; `service.contract.color` in PyTorch.

    sRGB codes -> linear light -> scene light (tone curve undone) -> change -> back

Planes are (n, 3, h * w): a colour change multiplies by a (3, 3) matrix from the left.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from model_export.data.sending import send
from model_export.data.vidit import linear_of_codes
from service.contract.color import ACES_IN, ACES_OUT, aces_rational, aces_rational_inverse


class _Constants(NamedTuple):
    """The tables of the tone curve, on a device."""

    display_of_code: Tensor  # (256,)
    into: Tensor  # (3, 3), as are the others
    out_of: Tensor
    into_inverse: Tensor
    out_of_inverse: Tensor


def to_scene_linear(codes: Tensor) -> Tensor:
    """Return the scene light, float32 (n, 3, p), of sRGB codes, uint8 (n, 3, p)."""
    constants = _constants_on(codes.device)
    display = constants.display_of_code[codes.int()]
    return constants.into_inverse @ aces_rational_inverse(constants.out_of_inverse @ display)


def to_codes(linear: Tensor) -> Tensor:
    """Return scene light (n, 3, p) as sRGB codes: float32, whole numbers from 0 to 255."""
    constants = _constants_on(linear.device)
    display = (constants.out_of @ aces_rational(constants.into @ linear)).clamp(0, 1)
    curved = 1.055 * display.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return (torch.where(display <= 0.0031308, 12.92 * display, curved) * 255).round()


@cache
def _constants_on(device: torch.device) -> _Constants:
    matrices = (ACES_IN, ACES_OUT, np.linalg.inv(ACES_IN), np.linalg.inv(ACES_OUT))
    return _Constants(*(send(constant, device) for constant in (linear_of_codes(), *matrices)))
