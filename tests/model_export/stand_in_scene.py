"""A scene simple enough to know what its light must do."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import Ambient, Camera, LampRing, Material, Scene
from model_export.scenes.shapes import box, merged, sheet

SCALAR = "scalar_rgb"
NO_AMBIENT = Ambient((0.0, 0.0, 0.0), reach_m=0.0, num_rays=0)
CAMERA = Camera(
    origin=(0.0, -4.0, 3.0), target=(0.0, 0.0, 0.0), field_of_view_deg=60.0, roll_deg=0.0
)
LAMPS = LampRing(
    centre=(0.0, 0.0, 0.0), radius_m=3.0, height_m=2.5, lamp_radius_m=0.0, reach_m=20.0
)


def block_on_a_floor(ambient: Ambient = NO_AMBIENT, camera: Camera = CAMERA) -> Scene:
    """A grey block in the middle of a grey floor: the same from the left and from the right."""
    flat = np.full((4, 4), 0.5, dtype=np.float32)
    grey = Material(np.full((4, 4, 3), 0.4, dtype=np.float32), flat, flat, 1.0, 0.0)
    corners = np.array([[[-9, -9, 0], [9, -9, 0]], [[-9, 9, 0], [9, 9, 0]]], dtype=float)
    return Scene(
        kind="test",
        camera=camera,
        lamps=LAMPS,
        ambient=ambient,
        mean_level=60.0,
        materials={"grey": grey},
        meshes={"grey": merged([sheet(corners), box((0.8, 0.8, 1.2))])},
    )
