"""Where pictures are taken from."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import Camera, FloatArray
from model_export.scenes.everyday.bodies import Rng


def looking_at(
    rng: Rng,
    focus: FloatArray | tuple[float, float, float],
    *,
    reach: float,
    pitch: float,
    field_of_view_deg: tuple[float, float] = (15, 70),
    yaw: float | None = None,
    lowest: float = -np.inf,
    closeness: tuple[float, float] = (0.85, 1.5),
) -> Camera:
    """Stand back until a ball around the focus fills the picture.

    Args:
        rng: source of chance.
        focus: what the camera looks at.
        reach: radius of that ball.
        pitch: how far the camera looks down, radians.
        field_of_view_deg: range of the lens.
        yaw: turn around the focus, radians; about 15 degrees where it is None.
        lowest: least height of the camera.
        closeness: range of the distance, where 1 just fits; below 1 the picture is cropped.
    """
    angle = rng.uniform(*field_of_view_deg)
    distance = reach * rng.uniform(*closeness) / np.tan(np.deg2rad(angle) / 2)
    yaw = rng.normal(0, 0.25) if yaw is None else yaw
    back = [np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)]
    x, y, z = np.asarray(focus) + distance * np.array(back)
    fx, fy, fz = (float(v) for v in focus)
    origin = (float(x), float(y), float(max(z, lowest)))
    return Camera(origin, (fx, fy, fz), float(angle), float(rng.normal(0, 3)))
