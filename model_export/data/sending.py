"""Copies numbers from the host to a device without waiting for its running work."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def send(numbers: npt.ArrayLike, device: torch.device) -> Tensor:
    """Return numbers on a device, float32 or int64, without waiting for the device."""
    array = np.asarray(numbers)
    kind = np.int64 if array.dtype.kind in "iu" else np.float32
    return torch.from_numpy(array.astype(kind)).to(device, non_blocking=True)
