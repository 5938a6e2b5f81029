"""A view cut out of a rendered scene, as a camera that looks straight at it would see it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from model_export.scenes.maps import NIGHT_LAYOUT, SceneMaps

Plane = NDArray[np.float32]

_MIN_CROP_PX: Final = 48
_WHOLE_SHARE: Final = 0.25  # of crops that show the whole picture
_NIGHT_SHARE: Final = 0.6  # least side of a crop by night, of the whole picture's
_NUM_CANDIDATES: Final = 4
_EMPTY_SHARE: Final = 0.1  # of crops that show as little surface as they can
_FLIPPED: Final = np.array([-1, 1, 1], np.float32)
_MIN_DEPTH: Final = 1e-2  # what is nearer counts as nothing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """A square part of a scene's picture.

    Attributes:
        left_px, top_px, side_px: where it lies.
    """

    left_px: int
    top_px: int
    side_px: int

    def of(self, plane: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the part of a plane, (h, w, ...)."""
        rows = slice(self.top_px, self.top_px + self.side_px)
        return plane[rows, self.left_px : self.left_px + self.side_px]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crop:
    """A view of size s, in the frame of a camera turned towards its middle; float32.

    Attributes:
        normals: (s, s, 3), unit length; x right, y up, z towards the viewer.
        relief: (s, s, 1), -log depth in units of half the picture's width.
        albedo: (s, s, 3), scene-linear.
        occlusion, coverage, relightable: (s, s, 1), as `SceneMaps` has them.
        background: (s, s, 3), radiance.
        irradiance: (s, s, k), of the lamps that were asked for, in their order.
        specular: (s, s, k).
        directions: (num_lamps, 3), unit vectors to the directional lamps; the last ones, of
            point lamps, are zero.
    """

    normals: Plane
    relief: Plane
    albedo: Plane
    occlusion: Plane
    coverage: Plane
    relightable: Plane
    background: Plane
    irradiance: Plane
    specular: Plane
    directions: Plane

    def mirrored(self) -> Crop:
        """Return the view flipped left-right."""
        planes = {
            name: np.ascontiguousarray(getattr(self, name)[:, ::-1])
            for name in self.__slots__
            if name != "directions"
        }
        planes["normals"] *= _FLIPPED
        return replace(self, **planes, directions=self.directions * _FLIPPED)


def choose_window(maps: SceneMaps, rng: np.random.Generator) -> Window:
    """Choose a part of the picture; of several, the one whose surface turns the most.

    A share of all windows is the whole picture, and a share shows mostly what lies behind. By
    night they are wide, as the fall of a lamp's light must be seen.
    """
    size_px = maps.depth.shape[0]
    least_px = _NIGHT_SHARE * size_px if maps.layout == NIGHT_LAYOUT else _MIN_CROP_PX
    whole = Window(left_px=0, top_px=0, side_px=size_px)
    if rng.random() < _WHOLE_SHARE:
        return whole
    candidates = []
    for _ in range(_NUM_CANDIDATES):
        side_px = int(rng.integers(min(int(least_px), size_px), size_px + 1))
        left_px, top_px = rng.integers(0, size_px - side_px + 1, 2)
        candidates.append(Window(left_px=int(left_px), top_px=int(top_px), side_px=side_px))
    if rng.random() < _EMPTY_SHARE:
        return min(candidates, key=lambda window: _covered(maps, window))
    return max(candidates, key=lambda window: _interest(maps, window))


def _covered(maps: SceneMaps, window: Window) -> float:
    return float(window.of(maps.coverage)[::8, ::8].astype(np.float32).mean())


def _interest(maps: SceneMaps, window: Window) -> float:
    normals = window.of(maps.normals)[::8, ::8, :2].astype(np.float32)
    return float(normals.std((0, 1)).sum()) * _covered(maps, window)


def cut(maps: SceneMaps, window: Window, lamps: list[int], size_px: int) -> Crop:
    """Cut a window out and resample it.

    Args:
        maps: the scene.
        window: the part of its picture.
        lamps: whose irradiance and specular light is needed.
        size_px: side of the result.
    """
    num_lamps = len(lamps)
    planes = [
        maps.normals,
        maps.albedo,
        maps.background,
        maps.occlusion[..., None],
        maps.coverage[..., None],
        maps.relightable[..., None],
        *(maps.irradiance[lamp][..., None] for lamp in lamps),
        *(maps.specular[lamp][..., None] for lamp in lamps),
    ]
    stacked = np.concatenate([window.of(plane).astype(np.float32) for plane in planes], axis=-1)
    stacked = _resample(stacked, size_px)
    turn = _turn(maps, window)
    normals = stacked[..., :3] @ turn.T
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + np.float32(1e-6)
    directions = np.where(maps.lamps[:, 3:] == 0, maps.lamps[:, :3], 0) @ turn.T
    return Crop(
        normals=normals,
        relief=_relief(maps, window, turn, size_px),
        albedo=stacked[..., 3:6],
        background=stacked[..., 6:9],
        occlusion=stacked[..., 9:10],
        coverage=stacked[..., 10:11].clip(0, 1),
        relightable=stacked[..., 11:12].clip(0, 1),
        irradiance=stacked[..., 12 : 12 + num_lamps],
        specular=stacked[..., 12 + num_lamps :],
        directions=directions.astype(np.float32),
    )


def _focal_length_px(maps: SceneMaps) -> float:
    return float(maps.depth.shape[0] / 2 / np.tan(np.deg2rad(maps.field_of_view_deg) / 2))


def _turn(maps: SceneMaps, window: Window) -> Plane:
    """Return the rotation (3, 3) from the scene's camera frame to one that faces the window."""
    half_px, focal_px = maps.depth.shape[0] / 2, _focal_length_px(maps)
    x = (window.left_px + window.side_px / 2 - half_px) / focal_px
    y = -(window.top_px + window.side_px / 2 - half_px) / focal_px
    back = np.array([-x, -y, 1.0])
    back /= np.linalg.norm(back)
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(back, right), back]).astype(np.float32)


def _relief(maps: SceneMaps, window: Window, turn: Plane, size_px: int) -> Plane:
    """Return -(f / half side) log depth along the turned camera's axis, (s, s, 1)."""
    half_px, focal_px = maps.depth.shape[0] / 2, _focal_length_px(maps)
    depth = window.of(maps.depth)
    filled = np.where(depth > _MIN_DEPTH, depth, maps.depth.max() + _MIN_DEPTH)
    log_depth = _resample(np.log(filled).astype(np.float32)[..., None], size_px)[..., 0]
    steps = (np.arange(size_px, dtype=np.float32) + 0.5) * window.side_px / size_px
    x = (window.left_px + steps - half_px)[None] / focal_px
    y = -(window.top_px + steps - half_px)[:, None] / focal_px
    along = -(turn[2, 0] * x + turn[2, 1] * y - turn[2, 2])  # of a point at depth 1
    relief = -(log_depth + np.log(np.maximum(along, 0.05))) * (focal_px / (window.side_px / 2))
    return np.asarray(relief[..., None], np.float32)


def _resample(planes: Plane, size_px: int) -> Plane:
    """Resize (h, w, c); OpenCV is fast for up to four channels at once."""
    shrinks = planes.shape[0] > size_px
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    parts = []
    for first in range(0, planes.shape[2], 4):
        part = np.ascontiguousarray(planes[..., first : first + 4])
        resized = cv2.resize(part, (size_px, size_px), interpolation=interpolation)
        parts.append(resized.reshape(size_px, size_px, -1))
    return np.concatenate(parts, axis=-1)
