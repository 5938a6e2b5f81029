"""The kinds of scenes, and how each is lit and seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from model_export.scenes import interiors, outdoors
from model_export.scenes.builder import SceneBuilder
from model_export.scenes.description import Ambient, Camera, LampRing, Scene

Layout = Callable[[SceneBuilder], None]

LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "field": outdoors.field,
        "forest": outdoors.forest,
        "rocks": outdoors.rocks,
        "village": outdoors.village,
        "courtyard": outdoors.courtyard,
        "ruins": outdoors.ruins,
        "industrial": outdoors.industrial,
        "room": interiors.room,
        "store": interiors.store,
    }
)
# How often each kind comes up, of 27.
_WEIGHTS: Mapping[str, int] = MappingProxyType(
    {
        "field": 4,
        "forest": 3,
        "rocks": 4,
        "village": 3,
        "courtyard": 3,
        "ruins": 3,
        "industrial": 3,
        "room": 2,
        "store": 2,
    }
)
INDOORS = ("room", "store")
SOFT_EVERY = 6


def describe(seed: int, scene: int, attempt: int = 0, *, without: Sequence[str] = ()) -> Scene:
    """Describe one scene; the same arguments always give the same scene.

    Args:
        seed: seed of the data set.
        scene: number of the scene.
        attempt: counts up when a scene has to be thrown away.
        without: kinds of scenes that must not come up.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, scene, attempt]))
    weights = {kind: weight for kind, weight in _WEIGHTS.items() if kind not in without}
    share = np.array(list(weights.values())) / sum(weights.values())
    kind = str(rng.choice(list(weights), p=share))
    soft = scene % SOFT_EVERY == SOFT_EVERY - 1
    camera = _camera(rng)
    lamps = _lamps(rng, camera, soft=soft, indoors=kind in INDOORS)
    ambient = _ambient(rng, soft=soft, indoors=kind in INDOORS)
    mean_level = float(np.clip(rng.lognormal(np.log(88 if soft else 47), 0.35), 18, 125))
    site = SceneBuilder(rng, camera, lamps)
    LAYOUTS[kind](site)
    return site.built(kind + (" in soft light" if soft else ""), ambient, mean_level)


def _camera(rng: np.random.Generator) -> Camera:
    distance_m, pitch = rng.uniform(3.0, 6.2), np.deg2rad(rng.uniform(13, 40))
    target = (0.0, 0.0, float(rng.uniform(0.2, 0.8)))
    back, up = distance_m * np.cos(pitch), distance_m * np.sin(pitch)
    return Camera(
        origin=(0.0, float(-back), float(target[2] + up)),
        target=target,
        field_of_view_deg=float(rng.uniform(58, 88)),
        roll_deg=float(rng.normal(0, 1.5)),
    )


def _lamps(rng: np.random.Generator, camera: Camera, *, soft: bool, indoors: bool) -> LampRing:
    distance_m = float(np.linalg.norm(np.subtract(camera.origin, camera.target)))
    radius_m, elevation = distance_m * rng.uniform(0.6, 0.85), np.deg2rad(rng.uniform(38, 49))
    lamp_share = rng.uniform(0.0, 0.02)
    if soft:
        lamp_share = rng.uniform(0.03, 0.15)
        if not indoors:  # a low sun: far enough to light everything alike
            radius_m, elevation = radius_m * 12, np.deg2rad(rng.uniform(25, 50))
    height_m = radius_m * np.tan(elevation)
    return LampRing(
        centre=camera.target,
        radius_m=float(radius_m),
        height_m=float(height_m),
        lamp_radius_m=float(lamp_share * radius_m),
        reach_m=float(rng.uniform(2.5, 5) * np.hypot(radius_m, height_m)),
    )


def _ambient(rng: np.random.Generator, *, soft: bool, indoors: bool) -> Ambient:
    if soft:
        tint = (1.0, 0.95, 0.88) if indoors else (0.72, 0.87, 1.0)
        share = rng.uniform(0.06, 0.3)
        r, g, b = (float(share * channel) for channel in tint)
        return Ambient((r, g, b), reach_m=2.5 if indoors else 50.0, num_rays=4)
    if rng.random() < 0.2:
        share = rng.choice([0.001, 0.003, 0.006])
        return Ambient((0.6 * share, 0.75 * share, share), reach_m=6.0, num_rays=1)
    return Ambient((0.0, 0.0, 0.0), reach_m=0.0, num_rays=0)
