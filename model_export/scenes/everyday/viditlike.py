"""The scenes of `render`: by night through their own camera, or by day through nearer ones."""

from __future__ import annotations

import numpy as np

from model_export.scenes import layouts
from model_export.scenes.description import Camera, FloatArray, Material, Scene
from model_export.scenes.everyday import skies
from model_export.scenes.everyday.bodies import Body, Composition, Context, Rng, Sky, Texture
from model_export.scenes.maps import NIGHT_LAYOUT

_SEED = 991


def _tiled(material: Material) -> Texture:
    albedo, size = material.albedo, len(material.albedo)

    def texture(points: FloatArray, uvs: FloatArray) -> FloatArray:
        pixel = np.floor((uvs / material.width_m % 1) * size).astype(int) % size
        return np.asarray(albedo[pixel[:, 1], pixel[:, 0]])

    return texture


def composed(rng: Rng, scene: Scene, camera: Camera, sky: Sky, layout: str) -> Composition:
    """Show a scene of `render` through a camera, with a sky behind it."""
    return Composition(
        layout=layout,
        bodies=[Body(mesh, _tiled(scene.materials[name])) for name, mesh in scene.meshes.items()],
        camera=camera,
        reach=2.5,
        grounded=True,
        low_sun=rng.random() < 0.3,
        sky=sky,
    )


def vidit(rng: Rng, context: Context) -> Composition:
    """Describe a VIDIT-like scene outdoors; rooms there are closed to lamps."""
    scene = layouts.describe(_SEED, context.seed, without=layouts.INDOORS)
    target = np.array(scene.camera.target)
    offset = (np.array(scene.camera.origin) - target) * rng.uniform(0.7, 1.2)
    offset[2] *= rng.uniform(0.25, 1.1)
    yaw = rng.normal(0, 0.2)
    c, s = np.cos(yaw), np.sin(yaw)
    offset[:2] = offset[:2] @ np.array([[c, -s], [s, c]])
    ox, oy, oz = (float(v) for v in target + offset)
    tx, ty, tz = (float(v) for v in target + np.array([0, 0, rng.uniform(0, 0.6)]))
    camera = Camera((ox, oy, oz), (tx, ty, tz), float(rng.uniform(35, 80)), float(rng.normal(0, 2)))
    return composed(rng, scene, camera, skies.open_sky(rng), "vidit")


def night(rng: Rng, context: Context) -> Composition:
    """Describe a VIDIT-like scene outdoors, seen by VIDIT's own camera before a black sky."""
    scene = layouts.describe(_SEED, context.seed, without=layouts.INDOORS)
    return composed(rng, scene, scene.camera, skies.darkness(rng), NIGHT_LAYOUT)
