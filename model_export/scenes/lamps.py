"""Where the lamps of a composition stand, and what one of them does to a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Composition, Rng
from model_export.scenes.maps import NUM_DIRECTIONAL, NUM_POINT
from model_export.scenes.shapes import unit
from model_export.scenes.tracing import View, normalized

_SOFTNESS = (0.005, 0.03, 0.1)
_BEHIND = -0.35
_HORIZON = 0.06
_MAX_FALLOFF = 30.0


def _across(direction: FloatArray) -> FloatArray:
    """Two unit vectors (2, 3) at right angles to a direction and to one another."""
    first = unit(np.cross(direction, np.eye(3)[np.abs(direction).argmin()]))
    return np.stack([first, np.cross(direction, first)])


@dataclass(frozen=True, slots=True)
class SceneLamp:
    """A far lamp or one nearby.

    Attributes:
        place: (3,) unit direction to it, or its position, in the world.
        is_near: whether `place` is a position.
        softness: its angular radius, radians, seen from the picture's subject.
        unit_distance: distance at which a near lamp gives irradiance 1.
    """

    place: FloatArray
    is_near: bool
    softness: float
    unit_distance: float = 1.0

    def seen_from(
        self, points: FloatArray, chance: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Draw a ray to the lamp from each point.

        Args:
            points: (n, 3).
            chance: (n, 2) in [0, 1]; picks a place on the lamp for each.

        Returns:
            Unit directions (n, 3), distances (n,) and falloff (n,), all float32.
        """
        radius, angle = self.softness * np.sqrt(chance[:, 0]), 2 * np.pi * chance[:, 1]
        disc = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        if not self.is_near:
            towards = self.place + disc @ _across(self.place)
            far = np.full(len(points), 1e6, np.float32)
            return normalized(towards), far, np.ones(len(points), np.float32)
        middle = points.mean(axis=0)
        blur = disc @ _across(unit(self.place - middle)) * self.unit_distance
        towards = (self.place + blur - points).astype(np.float32)
        distance = np.linalg.norm(towards, axis=1)
        squared = np.maximum(distance / self.unit_distance, 0.15) ** 2
        falloff = np.minimum(1 / squared, _MAX_FALLOFF)
        return towards / np.maximum(distance, 1e-6)[:, None], distance * 0.999, falloff

    def in_view(self, view: View) -> FloatArray:
        """Return x, y, z, w in the camera's frame, as `SceneMaps.lamps` wants it."""
        offset = self.place - view.origin if self.is_near else self.place
        return np.asarray(np.r_[view.axes.T @ offset, float(self.is_near)])


def lamps_of(composition: Composition, view: View, rng: Rng) -> list[SceneLamp]:
    """Place 8 far lamps, spread over what can light the view, and 2 near ones."""
    candidates = unit(rng.normal(size=(600, 3)))
    able = (candidates @ view.axes)[:, 2] > _BEHIND
    if composition.grounded:
        able &= candidates[:, 2] > _HORIZON
    candidates = candidates[able]
    low = candidates[(candidates[:, 2] > _HORIZON) & (candidates[:, 2] < 0.42)]
    hard = composition.low_sun and len(low) > 0
    chosen: list[int] = []
    directions = list(low[: NUM_DIRECTIONAL // 2 : 2]) if hard else []
    for _ in range(NUM_DIRECTIONAL - len(directions)):
        nearest = (
            (candidates @ np.array(directions).T).max(axis=1) if directions else candidates[:, 0]
        )
        chosen.append(int(nearest.argmin()))
        directions.append(candidates[chosen[-1]])
    soft = rng.choice(_SOFTNESS, NUM_DIRECTIONAL + NUM_POINT)
    soft[: NUM_DIRECTIONAL // 2] = _SOFTNESS[0] if hard else soft[: NUM_DIRECTIONAL // 2]
    lamps = [SceneLamp(place, False, float(s)) for place, s in zip(directions, soft, strict=False)]
    target = np.array(composition.camera.target)
    for softness in soft[NUM_DIRECTIONAL:]:
        offset = candidates[rng.integers(len(candidates))] * composition.reach * rng.uniform(1.2, 3)
        distance = float(np.linalg.norm(offset))
        lamps.append(SceneLamp(target + offset, True, float(softness), distance))
    return lamps
