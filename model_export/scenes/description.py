"""What a scene is, before any renderer sees it: plain frozen data.

World axes in metres: x to image right (E), y away from the camera (N), z up. The point that
the camera's centre ray looks at lies above the origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from relight.lights import DIRECTIONS

FloatArray: TypeAlias = NDArray[np.floating]
IntArray: TypeAlias = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles with a normal and a texture coordinate at every vertex.

    Attributes:
        positions: (n, 3), metres.
        normals: (n, 3), unit length.
        uvs: (n, 2), metres along the surface; the material's `width_m` scales them.
        faces: (m, 3), vertex indices; in any winding.
    """

    positions: FloatArray
    normals: FloatArray
    uvs: FloatArray
    faces: IntArray


@dataclass(frozen=True, slots=True)
class Material:
    """A tileable square of surface.

    Attributes:
        albedo: (n, n, 3), linear sRGB reflectance in [0, 1].
        height: (n, n), relief in [0, 1].
        roughness: (n, n), GGX roughness in [0, 1].
        width_m: side of the square.
        relief_m: what height 1 stands for.
        metallic: 0 for dielectrics, 1 for bare metal.
    """

    albedo: FloatArray
    height: FloatArray
    roughness: FloatArray
    width_m: float
    relief_m: float
    metallic: float = 0.0


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera, upright but for `roll_deg`."""

    origin: tuple[float, float, float]
    target: tuple[float, float, float]
    field_of_view_deg: float
    roll_deg: float


@dataclass(frozen=True, slots=True)
class LampRing:
    """Eight omni-directional lamps on a horizontal ring, one of them lit in each picture.

    Attributes:
        centre: the point below which the camera looks at; the ring lies `height_m` above it.
        radius_m: radius of the ring.
        height_m: height of the ring above its centre.
        lamp_radius_m: size of one lamp; it softens the shadows.
        reach_m: distance at which the soft cut-off has taken all light.
    """

    centre: tuple[float, float, float]
    radius_m: float
    height_m: float
    lamp_radius_m: float
    reach_m: float

    @property
    def distance_m(self) -> float:
        """Distance of every lamp to the centre, where a lamp's irradiance is 1."""
        return float(np.hypot(self.radius_m, self.height_m))

    def positions(self) -> FloatArray:
        """Positions of the lamps, (8, 3), in the order of `relight.lights.DIRECTIONS`."""
        azimuth = np.arange(len(DIRECTIONS)) * (2 * np.pi / len(DIRECTIONS))
        ring = [self.radius_m * np.sin(azimuth), self.radius_m * np.cos(azimuth)]
        offsets = np.stack([*ring, np.full(len(azimuth), self.height_m)], axis=1)
        return np.asarray(np.array(self.centre) + offsets)


@dataclass(frozen=True, slots=True)
class Ambient:
    """Light that does not follow the lamp: a sky, or what the walls of a room give back.

    Attributes:
        color: linear RGB radiance, relative to the irradiance of a lamp at the ring's centre.
        reach_m: how far away a surface still hides this light.
        num_rays: visibility rays for each sample; 0 where there is no such light.
    """

    color: tuple[float, float, float]
    reach_m: float
    num_rays: int


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that makes eight pictures.

    Attributes:
        kind: name of the layout.
        camera: where the pictures are taken from.
        lamps: the ring of lamps.
        ambient: the light that all eight pictures share.
        mean_level: mean 8-bit level over the eight pictures, which fixes the exposure.
        materials: surfaces by name.
        meshes: one merged mesh for each material that is used.
    """

    kind: str
    camera: Camera
    lamps: LampRing
    ambient: Ambient
    mean_level: float
    materials: Mapping[str, Material]
    meshes: Mapping[str, Mesh]
