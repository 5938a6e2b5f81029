"""Cast shadows of a relief: each pixel looks along the ray to the lamp for what stands above it.

Lengths are in units of half the picture's mean side, sqrt(h w) / 2 pixels, in the picture as well
as towards the viewer; the camera is taken to look along parallel rays.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

NUM_STEPS: Final = 12
REACH: Final = 1.2
_CROWDING: Final = 1.7  # exponent that puts more steps near the start of the ray
_BIAS: Final = 0.02  # height that a surface must stand above a ray to shade it
_PENUMBRA: Final = 0.06  # width of a shadow's edge for each unit of distance
_THICKNESS: Final = (0.25, 1.5)  # what stands higher above the ray is taken to float past it
_FAR: Final = 1.0  # clearance where a ray has left the picture


class RayMarch(NamedTuple):
    """What the rays met, each (n, c, h, w).

    Attributes:
        visibility: c = 2, thin and thick occluders; 1 where the lamp is seen, 0 in shadow.
        clearance: c = 3, height of the ray above the surface for each unit of distance: the
            least, the largest, and the one nearest to 0 (after arXiv 2602.21820).
    """

    visibility: Tensor
    clearance: Tensor


def ray_march(relief: Tensor, light: Tensor, softness: Tensor) -> RayMarch:
    """March over a relief towards one lamp for each picture.

    Args:
        relief: (n, 1, h, w), height towards the viewer.
        light: (n, 3), unit vectors to the lamps; x right, y up, z towards the viewer.
        softness: (n,), 0 for a hard lamp to 1 for an overcast sky: widens the penumbra.
    """
    distance = (
        REACH * ((torch.arange(NUM_STEPS, device=relief.device) + 1) / NUM_STEPS) ** _CROWDING
    )
    distance = distance[None, :, None, None]  # (1, k, 1, 1)
    met, inside = _along(relief, light, distance)
    ray = relief + light[:, 2, None, None, None] * distance  # (n, k, h, w)
    above = met - ray - _BIAS
    edge = _PENUMBRA * (1 + 8 * softness[:, None, None, None]) * (0.3 + distance)
    blocked = (above / edge).clamp(0, 1) * inside
    visibility = [
        1
        - (blocked * ((thickness + 0.6 * distance - above) / 0.1).clamp(0, 1)).amax(1, keepdim=True)
        for thickness in _THICKNESS
    ]
    clearance = torch.where(inside > 0, ((ray - met) / (0.3 + distance)).clamp(-_FAR, _FAR), _FAR)
    nearest = clearance.abs().argmin(1, keepdim=True)
    extremes = [clearance.amin(1, keepdim=True), clearance.amax(1, keepdim=True)]
    return RayMarch(
        torch.cat(visibility, dim=1), torch.cat([*extremes, clearance.gather(1, nearest)], dim=1)
    )


def _along(relief: Tensor, light: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
    """Return the relief under each step of each ray, and 1 where that is in the picture.

    Both are (n, k, h, w).
    """
    n, _, height, width = relief.shape
    side = (height * width) ** 0.5
    columns = (torch.arange(width, device=relief.device) + 0.5) / width * 2 - 1
    rows = (torch.arange(height, device=relief.device) + 0.5) / height * 2 - 1
    x = columns[None, None, None, :] + light[:, 0, None, None, None] * distance * (side / width)
    y = rows[None, None, :, None] - light[:, 1, None, None, None] * distance * (side / height)
    x, y = x.expand(n, NUM_STEPS, height, width), y.expand(n, NUM_STEPS, height, width)
    grid = torch.stack([x, y], dim=-1).reshape(n, NUM_STEPS * height, width, 2)
    met = F.grid_sample(relief, grid, "bilinear", padding_mode="border", align_corners=False)
    inside = ((x.abs() <= 1) & (y.abs() <= 1)).to(relief.dtype)
    return met.reshape(n, NUM_STEPS, height, width), inside
