"""Makes a batch of pictures from draws: scenes under their lights, with the drawn changes.

stored codes -> scene-linear light -> soft light, paint, exposure, voids -> codes
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy.typing as npt
from torch import Tensor

from model_export.data.draws import Draw
from model_export.data.pictures import Pictures
from model_export.data.repainting import Paint
from model_export.data.scene_light import to_codes, to_scene_linear
from model_export.data.sending import send
from model_export.data.vidit import ViditFolder
from model_export.data.voids import lit
from relight.lights import DIRECTIONS, Light
from service.contract.color import temperature_gain

_FUSED_K: Final = 4500  # exposure fusion averages lamps of all temperatures
_SOFT_K: Final = 4500  # every folder has these files


class Developer:
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
            gain = self._sent(temperature_gain(_SOFT_K, lights[k].temperature_k))
            linear[k] += gain[:, None] * from_all_sides
        linear *= self._sent([draw.exposure for draw in draws])[:, None, None]
        return self._codes(linear, draws, [light.temperature_k for light in lights])

    def _scene_linear(self, scenes: Sequence[int], lights: Sequence[Light], size_px: int) -> Tensor:
        """Return scenes under given lights, in scene-linear light, (n, 3, h * w)."""
        stored = [self._folder.stored_light(light) for light in lights]
        gains = [
            temperature_gain(have.temperature_k, want.temperature_k)
            for have, want in zip(stored, lights, strict=True)
        ]
        codes = self._pictures.stored(scenes, stored, size_px)
        linear: Tensor = to_scene_linear(codes.flatten(2)) * self._sent(gains)[:, :, None]
        return linear

    def _codes(self, linear: Tensor, draws: Sequence[Draw], kelvins: Sequence[int]) -> Tensor:
        """Repaint scenes under lamps of these temperatures, darken voids, encode as codes."""
        size_px = draws[0].size_px
        painted = [k for k, draw in enumerate(draws) if draw.paint != Paint()]
        if painted:
            paints = self._sent([draws[k].paint.matrix(kelvins[k]) for k in painted])
            rows = self._sent(painted)
            linear[rows] = (paints @ linear[rows]).clamp(min=0)
        voids = {k: draw.void for k, draw in enumerate(draws) if draw.void}
        if voids:
            arriving = lit(list(voids.values()), size_px, linear.device)
            linear[self._sent(list(voids))] *= arriving.flatten(1)[:, None]
        codes: Tensor = to_codes(linear).unflatten(2, (size_px, size_px))
        return codes

    def _sent(self, numbers: npt.ArrayLike) -> Tensor:
        return send(numbers, self._pictures.device)
