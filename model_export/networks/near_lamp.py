"""A lamp at a distance, as each pixel of a relief sees it.

Lengths are in units of half the picture's mean side, as those of the march are.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

from model_export.networks.drn_g_blocks import coordinates

LEAST_SQUARED_DISTANCE: Final = 0.15  # in units of the lamp's distance from the centre
MAX_RELIEF: Final = 1.5


class SeenLamp(NamedTuple):
    """A lamp seen from each pixel, in units of its distance from the picture's centre.

    Attributes:
        towards: (n, 3, h, w), the way to it.
        inverse_distance: (n, 1, h, w), 1 over the length of that way, at most 2.6.
    """

    towards: Tensor
    inverse_distance: Tensor

    @property
    def falloff(self) -> Tensor:
        """Its strength, (n, 1, h, w), 1 at the centre of the picture at the mean relief."""
        return self.inverse_distance.square()


def lamp_from_each_pixel(relief: Tensor, light: Tensor, nearness: Tensor) -> SeenLamp:
    """Return the lamp seen from each pixel.

    Args:
        relief: (n, 1, h, w), height towards the viewer.
        light: (n, 3), unit vectors from the centre to the lamps.
        nearness: (n, 1, 1, 1), 1 over the lamps' distances from the centre; 0 for the sun.
    """
    height = (relief - relief.mean(dim=(2, 3), keepdim=True)).clamp(-MAX_RELIEF, MAX_RELIEF)
    place = torch.cat([coordinates(relief), height], dim=1)
    towards = light[:, :, None, None] - nearness * place
    squared = towards.square().sum(1, keepdim=True).clamp_min(LEAST_SQUARED_DISTANCE)
    return SeenLamp(towards, squared.rsqrt())
