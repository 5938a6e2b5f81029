"""Scenes in memory, the newest ones, each with what choosing its lamps needs."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_export.scenes.maps import SceneMaps


@dataclass(frozen=True, slots=True, eq=False)
class PooledScene:
    """A scene with the mean irradiance of each of its lamps over the picture, (num_lamps,)."""

    maps: SceneMaps
    mean_irradiance: NDArray[np.float32]


class ScenePool:
    """At most `capacity` scenes; a new one takes the place of the oldest.

    A scene of 160 px takes some 1.7 MB.
    """

    def __init__(self, capacity: int) -> None:
        self._scenes: deque[PooledScene] = deque(maxlen=capacity)
        self.num_added = 0

    def __len__(self) -> int:
        return len(self._scenes)

    def add(self, maps: SceneMaps) -> None:
        """Take a scene in."""
        lit = maps.irradiance.astype(np.float32) * maps.coverage.astype(np.float32)
        self._scenes.append(PooledScene(maps, lit.mean((1, 2))))
        self.num_added += 1

    def choose(self, rng: np.random.Generator) -> PooledScene:
        """Return one of the scenes, all equally likely.

        Raises:
            ValueError: there is none yet.
        """
        return self._scenes[int(rng.integers(len(self._scenes)))]
