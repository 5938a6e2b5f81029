"""The random choices of a training pair: the scene, two lights, and the common changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model_export.config import Augmentation
from relight.lights import DIRECTIONS, Light
from service.contract.color import blackbody_rgb

VOID_OCTAVES: Final = ((3, 1.0), (8, 0.4), (32, 0.15))  # cells per side, and the noise's height
_MAX_TILT: Final = 2.0  # above 1, most voids are at the top or the bottom
_SHARE: Final = (0.1, 0.5)
_GREY_AXIS: Final = np.full(3, 1 / math.sqrt(3))


@dataclass(frozen=True, slots=True)
class Paint:
    """A change of all reflectances of a scene; greys stay grey, and the lamp keeps its colour.

    In scene-linear light a matte surface's radiance is its reflectance times the lamp's colour. The
    lamp is divided out before the hue is rotated and multiplied in afterwards, so the same change
    applies to the scene under every lamp.

    Attributes:
        hue_degrees: rotation of the hue about the grey axis.
        saturation: factor on the distance from grey; 0: grey, 1: unchanged.
    """

    hue_degrees: float = 0.0
    saturation: float = 1.0

    def matrix(self, temperature_k: int) -> npt.NDArray[np.float64]:
        """Return the matrix for scene-linear light of a lamp of that temperature, (3, 3).

        Negative results mean black.
        """
        lamp = blackbody_rgb(temperature_k)
        return np.asarray(lamp[:, None] * self._reflectance_matrix() / lamp)

    def _reflectance_matrix(self) -> npt.NDArray[np.float64]:
        """Return the matrix of the reflectances: Rodrigues' rotation, then a mix with the mean."""
        angle = math.radians(self.hue_degrees)
        x, y, z = _GREY_AXIS
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        along = np.outer(_GREY_AXIS, _GREY_AXIS)
        across = np.eye(3) - along
        turned = along + math.cos(angle) * across + math.sin(angle) * cross
        mixed: npt.NDArray[np.float64] = along + self.saturation * (turned - along)
        return mixed


@dataclass(frozen=True, slots=True)
class Void:
    """A part of the scene that no lamp reaches, such as a pit, a ledge or a dark background.

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
        cells = tuple(rng.standard_normal((n, n)).astype(np.float32) for n, _ in VOID_OCTAVES)
        return cls(tilt, cells, rng.uniform(*_SHARE))


@dataclass(frozen=True, slots=True)
class Draw:
    """The choices of one pair, before any picture is read.

    Attributes:
        size_px: side of its pictures.
        scene: number of the scene.
        light: of the input.
        wanted: of the target, before the flip.
        light_index: index of the target's light in the network, after the flip.
        flipped: whether both pictures are flipped horizontally.
        exposure: factor for both.
        ambient: strength of the light from all sides in both.
        paint: change of reflectance in both.
        void: void in both, or None.
    """

    size_px: int
    scene: int
    light: Light
    wanted: Light
    light_index: int
    flipped: bool
    exposure: float
    ambient: float
    paint: Paint
    void: Void | None

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        size_px: int,
        scenes: Sequence[int],
        lights: Sequence[Light],
        vary: Augmentation,
    ) -> Draw:
        """Draw a pair of one of the scenes, with a target under one of the lights."""
        scene = scenes[int(rng.integers(len(scenes)))]
        light = Light(str(rng.choice(DIRECTIONS)), int(rng.choice(vary.temperatures_k)))
        flipped = bool(rng.random() < vary.mirror)
        light_index = int(rng.integers(len(lights)))
        exposure = 2 ** rng.uniform(*vary.exposure_stops)
        ambient = float(rng.random() < vary.ambient) * rng.uniform(0, vary.max_ambient)
        hue_degrees = rng.uniform(-vary.hue_degrees, vary.hue_degrees)
        return cls(
            size_px=size_px,
            scene=scene,
            light=light,
            wanted=lights[light_index].mirrored if flipped else lights[light_index],
            light_index=light_index,
            flipped=flipped,
            exposure=exposure,
            ambient=ambient,
            paint=Paint(hue_degrees, rng.uniform(*vary.saturation)),
            void=Void.draw(rng) if rng.random() < vary.void else None,
        )
