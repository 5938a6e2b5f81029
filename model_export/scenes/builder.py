"""The building site: where layouts put parts down until a scene is complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from model_export.scenes import made_materials as made
from model_export.scenes import natural_materials as natural
from model_export.scenes.description import (
    Ambient,
    Camera,
    FloatArray,
    LampRing,
    Material,
    Mesh,
    Scene,
)
from model_export.scenes.parts import Parts, moved
from model_export.scenes.shapes import merged
from model_export.scenes.stones import HeightField

MaterialMaker = Callable[[np.random.Generator], Material]


def _darkness(rng: np.random.Generator) -> Material:
    """Dark openings, rubber, soot."""
    material = made.paint(rng)
    return natural.finished(
        0.0 * material.albedo + 0.07, material.height, 0.6, width_m=1.0, relief_m=0.002
    )


COMMON: Mapping[str, MaterialMaker] = MappingProxyType(
    {
        "wood": made.timber,
        "old_wood": made.timber,
        "metal": made.rusty_metal,
        "paint": made.paint,
        "glaze": made.paint,
        "stone": made.concrete,
        "rock": natural.rock,
        "cloth": made.cloth,
        "rope": made.cloth,
        "bark": natural.bark,
        "leaves": natural.foliage,
        "grass": natural.foliage,
        "dry_grass": lambda rng: natural.foliage(rng, dry=1.0),
        "dark": _darkness,
    }
)


def level_ground(x: FloatArray, y: FloatArray) -> FloatArray:
    """Height of a floor: 0 everywhere."""
    return np.zeros(np.broadcast(x, y).shape)


class SceneBuilder:
    """Collects parts by material and keeps objects from standing in one another.

    Attributes:
        rng: the scene's only source of chance.
        camera: what has to stay in view; set before anything is placed.
        lamps: the ring that tall things must leave free.
        ground: height of the ground at (x, y).
    """

    def __init__(self, rng: np.random.Generator, camera: Camera, lamps: LampRing) -> None:
        self.rng = rng
        self.camera = camera
        self.lamps = lamps
        self.ground: HeightField = level_ground
        self._makers = dict(COMMON)
        self._meshes: dict[str, list[Mesh]] = {}
        self._taken: list[tuple[float, float, float]] = [(camera.origin[0], camera.origin[1], 1.3)]

    def use(self, name: str, maker: MaterialMaker) -> None:
        """Let the material `name` be made by `maker`."""
        self._makers[name] = maker

    def add(self, material: str, mesh: Mesh) -> None:
        """Add a mesh that is already in its place."""
        self._meshes.setdefault(material, []).append(mesh)

    def add_all(self, parts: Parts) -> None:
        """Add parts that are already in their place."""
        for material, mesh in parts:
            self.add(material, mesh)

    def place(
        self, parts: Parts, x: float, y: float, *, yaw: float = 0.0, sink_m: float = 0.01
    ) -> None:
        """Stand parts on the ground at (x, y), low enough to leave no gap on a slope."""
        reach = max(float(np.hypot(*mesh.positions[:, :2].T).max()) for _, mesh in parts)
        angle = np.linspace(0, 2 * np.pi, 9)
        around = 0.6 * min(reach, 0.8) * np.array([np.cos(angle), np.sin(angle)])
        z = float(np.quantile(self.ground(x + around[0], y + around[1]), 0.2))
        self.add_all(moved(parts, (x, y, z - sink_m), yaw=yaw))

    def reserve(self, x: float, y: float, radius_m: float) -> None:
        """Keep others out of a circle."""
        self._taken.append((x, y, radius_m))

    def free_spot(
        self, radius_m: float, near_m: float, far_m: float, *, behind: bool = False
    ) -> tuple[float, float] | None:
        """Find room for a circle, between two distances from the origin, and reserve it.

        Args:
            radius_m: what the object needs.
            near_m: smallest distance of its centre to the origin.
            far_m: largest distance.
            behind: only away from the camera.

        Returns:
            x and y, or None where it is too crowded.
        """
        low, high = (0.08 * np.pi, 0.92 * np.pi) if behind else (-0.5 * np.pi, 1.5 * np.pi)
        for _ in range(25):
            angle, distance = self.rng.uniform(low, high), self.rng.uniform(near_m, far_m)
            x, y = float(distance * np.cos(angle)), float(distance * np.sin(angle))
            if all(np.hypot(x - a, y - b) > r + radius_m for a, b, r in self._taken):
                self.reserve(x, y, radius_m)
                return x, y
        return None

    def built(self, kind: str, ambient: Ambient, mean_level: float) -> Scene:
        """Merge the meshes of each material and make the materials that are used."""
        return Scene(
            kind=kind,
            camera=self.camera,
            lamps=self.lamps,
            ambient=ambient,
            mean_level=mean_level,
            materials={name: self._makers[name](self.rng) for name in self._meshes},
            meshes={name: merged(meshes) for name, meshes in self._meshes.items()},
        )
