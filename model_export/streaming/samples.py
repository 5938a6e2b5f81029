"""A sample: a photo, what is true of its scene, a wanted lamp, and the scene in its light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from model_export.streaming.camera import choose_camera, degrade
from model_export.streaming.crops import Plane, choose_window, cut
from model_export.streaming.lighting import light, plan_light
from model_export.streaming.pool import PooledScene

Sample = Mapping[str, NDArray[np.float32]]


def draw_sample(scene: PooledScene, size_px: int, rng: np.random.Generator) -> Sample:
    """Draw one sample of a scene.

    Returns:
        float32, channels first, s = `size_px`:

        - `photo` (3, s, s), sRGB codes 0 to 1, as a file holds them;
        - `normals` (3, s, s), `relief` (1, s, s), `log_shading` (1, s, s), `occlusion` (1, s, s);
        - `coverage` (1, s, s), where there is a surface; `relightable` (1, s, s), where one is
          to be relit;
        - `light` (3,), unit vector to the wanted lamp; `ambient` (1,), share of its light that
          comes from all around; `irradiance` (1, s, s), what arrives of the lamp alone;
          `nearness` (1,), 1 over the lamps' distance in units of half the view's side;
        - `relit` (3, s, s), sRGB codes of the same camera's picture in that light.
    """
    plan = plan_light(scene.mean_irradiance, scene.maps.layout, rng)
    window = choose_window(scene.maps, rng)
    crop = cut(scene.maps, window, plan.lamps, size_px)
    if rng.random() < 0.5:
        crop = crop.mirrored()
    lit = light(crop, plan, window.side_px / len(scene.maps.depth), rng)
    camera = choose_camera(lit.photo, rng, night=plan.night)
    photo = camera.develop(lit.photo, crop.relief, crop.coverage)
    return {
        "photo": _first(degrade(photo, rng)),
        "normals": _first(crop.normals),
        "relief": _first(crop.relief),
        "log_shading": lit.log_shading[None],
        "occlusion": _first(crop.occlusion),
        "coverage": _first(crop.coverage),
        "relightable": _first(crop.relightable * crop.coverage),
        "light": lit.direction,
        "ambient": np.array([lit.ambient], np.float32),
        "irradiance": lit.irradiance[None],
        "nearness": np.array([lit.nearness], np.float32),
        "relit": _first(camera.develop(lit.relit, crop.relief, crop.coverage)),
    }


def batch(samples: Sequence[Sample]) -> dict[str, NDArray[np.float32]]:
    """Stack samples of one size."""
    return {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}


def _first(plane: Plane) -> NDArray[np.float32]:
    """Return (s, s, c) with its channels first."""
    return np.ascontiguousarray(plane.transpose(2, 0, 1), np.float32)
