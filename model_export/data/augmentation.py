"""Makes batches of pictures from draws: scenes under their lights, with the drawn changes.

    stored codes -> scene-linear light -> soft light, paint, exposure, voids -> codes

Scene-linear light is display-linear light with the tone curve undone, as in
`service.contract.color`, here in PyTorch on any device. Planes are (n, 3, h * w): a colour change
multiplies by a (3, 3) matrix from the left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from model_export.data.pictures import Pictures, to_device
from model_export.data.sampling import VOID_OCTAVES, Draw, Paint, Void
from model_export.data.vidit import ViditFolder, linear_of_codes
from relight.lights import DIRECTIONS, Light
from service.contract.color import (
    ACES_IN,
    ACES_OUT,
    aces_rational,
    aces_rational_inverse,
    temperature_gain,
)

_FUSED_K: Final = 4500  # exposure fusion averages lamps of all temperatures
_SOFT_K: Final = 4500  # every folder has these files
_VOID_EDGE: Final = 0.05  # height over which the light fades


class Augmenter:
    """Makes pictures from draws, on the device of the folder's pictures.

    A batch has one size. Results are sRGB codes, float32 (n, 3, h, w), whole numbers.

    Args:
        folder: gives the stored lights.
        pictures: the pictures of the folder.
    """

    def __init__(self, folder: ViditFolder, pictures: Pictures) -> None:
        self._folder = folder
        self._pictures = pictures

    def relit(self, draws: Sequence[Draw]) -> tuple[Tensor, Tensor]:
        """Return each scene under its light and under the wanted one."""
        soft = self._soft(draws)
        return (
            self._under([draw.light for draw in draws], draws, soft),
            self._under([draw.wanted for draw in draws], draws, soft),
        )

    def unlit(self, draws: Sequence[Draw]) -> tuple[Tensor, Tensor]:
        """Return each scene under its light and without shadows.

        The exposure of the second is that of the fusion.
        """
        image = self._under([draw.light for draw in draws], draws, self._soft(draws))
        codes = self._pictures.shadow_free([draw.scene for draw in draws], draws[0].size_px)
        fused = to_scene_linear(codes.flatten(2))
        return image, self._codes(fused, draws, [_FUSED_K] * len(draws))

    def _soft(self, draws: Sequence[Draw]) -> dict[int, Tensor]:
        """Return the light from all sides for the draws that have it, (3, h * w), at `_SOFT_K`."""
        around = [Light(way, _SOFT_K) for way in DIRECTIONS]
        return {
            k: draw.ambient
            * self._scene_linear([draw.scene] * len(around), around, draw.size_px).mean(dim=0)
            for k, draw in enumerate(draws)
            if draw.ambient
        }

    def _under(
        self, lights: Sequence[Light], draws: Sequence[Draw], soft: Mapping[int, Tensor]
    ) -> Tensor:
        linear = self._scene_linear([draw.scene for draw in draws], lights, draws[0].size_px)
        for k, from_all_sides in soft.items():  # in the colour of the lamp
            gain = self._to_device(temperature_gain(_SOFT_K, lights[k].temperature_k))
            linear[k] += gain[:, None] * from_all_sides
        linear *= self._to_device([draw.exposure for draw in draws])[:, None, None]
        return self._codes(linear, draws, [light.temperature_k for light in lights])

    def _scene_linear(self, scenes: Sequence[int], lights: Sequence[Light], size_px: int) -> Tensor:
        """Return scenes under given lights, in scene-linear light, (n, 3, h * w)."""
        stored = [self._folder.stored_light(light) for light in lights]
        gains = [
            temperature_gain(have.temperature_k, want.temperature_k)
            for have, want in zip(stored, lights, strict=True)
        ]
        codes = self._pictures.stored(scenes, stored, size_px)
        linear: Tensor = to_scene_linear(codes.flatten(2)) * self._to_device(gains)[:, :, None]
        return linear

    def _codes(self, linear: Tensor, draws: Sequence[Draw], kelvins: Sequence[int]) -> Tensor:
        """Repaint scenes under lamps of these temperatures, darken voids, encode as codes."""
        size_px = draws[0].size_px
        painted = [k for k, draw in enumerate(draws) if draw.paint != Paint()]
        if painted:
            paints = self._to_device([draws[k].paint.matrix(kelvins[k]) for k in painted])
            rows = self._to_device(painted)
            linear[rows] = (paints @ linear[rows]).clamp(min=0)
        voids = {k: draw.void for k, draw in enumerate(draws) if draw.void}
        if voids:
            arriving = light_in_voids(list(voids.values()), size_px, linear.device)
            linear[self._to_device(list(voids))] *= arriving.flatten(1)[:, None]
        codes: Tensor = to_codes(linear).unflatten(2, (size_px, size_px))
        return codes

    def _to_device(self, numbers: npt.ArrayLike) -> Tensor:
        return to_device(numbers, self._pictures.device)


def light_in_voids(voids: Sequence[Void], size_px: int, device: torch.device) -> Tensor:
    """Return the share of light at each pixel, float32 (n, size_px, size_px), 0 to 1.

    A void is where a noise of three octaves is below the threshold that gives its share.
    """
    tilts = to_device([void.tilt for void in voids], device)[:, None, None]
    height = tilts * torch.linspace(-1, 1, size_px, device=device)[:, None]  # (n, h, 1)
    for octave, (_, amplitude) in enumerate(VOID_OCTAVES):
        cells = to_device([void.cells[octave] for void in voids], device)
        noise = F.interpolate(cells[:, None], size=(size_px, size_px), mode="bicubic")
        height = height + amplitude * noise[:, 0]  # (n, h, w)
    ordered = height.flatten(1).sort(dim=1).values
    level = torch.stack(
        [row[round(void.share * (len(row) - 1))] for row, void in zip(ordered, voids, strict=True)]
    )
    return ((height - level[:, None, None]) / _VOID_EDGE).clamp(0, 1)


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
    return _Constants(*(to_device(constant, device) for constant in (linear_of_codes(), *matrices)))
