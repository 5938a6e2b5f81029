"""The random choices of a training pair: the scene, two lights, and the common changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_export.config import Augmentation
from model_export.data.repainting import Paint
from model_export.data.voids import Void
from relight.lights import DIRECTIONS, Light


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
