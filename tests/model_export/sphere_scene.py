"""A matt ball in front of nothing, whose maps are known in closed form."""

from __future__ import annotations

import numpy as np

from model_export.scenes.maps import NUM_DIRECTIONAL, NUM_LAMPS, SceneMaps

SIZE_PX = 64


def sphere_scene(size_px: int = SIZE_PX, *, glow: float = 0.0) -> SceneMaps:
    """Return a ball of radius .3 at distance 3, seen at 20 degrees; `glow`: radiance behind it."""
    field_deg, distance, radius = 20.0, 3.0, 0.3
    slope = np.tan(np.deg2rad(field_deg) / 2)
    across = ((np.arange(size_px) + 0.5) / size_px * 2 - 1) * slope
    ray = np.stack(np.broadcast_arrays(across[None], -across[:, None], -np.ones(1)), axis=-1)
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    along = -ray[..., 2] * distance
    under = along**2 - distance**2 + radius**2
    hit = under > 0
    points = ray * (along - np.sqrt(np.maximum(under, 0)))[..., None]
    normals = (points - [0, 0, -distance]) / radius
    normals = np.where(hit[..., None], normals, [0, 0, 1])
    lamps = np.zeros((NUM_LAMPS, 4), np.float32)
    lamps[:NUM_DIRECTIONAL, :3] = _directions()
    lamps[NUM_DIRECTIONAL:, 3] = 1
    cosine = np.einsum("hwc,lc->lhw", normals, lamps[:, :3]).clip(0) * hit
    covered = hit.astype(np.float16)
    return SceneMaps(
        layout="sphere",
        field_of_view_deg=field_deg,
        normals=normals.astype(np.float16),
        depth=np.where(hit, -points[..., 2], 0).astype(np.float32),
        albedo=np.full((size_px, size_px, 3), 0.5, np.float16) * covered[..., None],
        occlusion=covered,
        coverage=covered,
        background=(np.ones((size_px, size_px, 3)) * glow * ~hit[..., None]).astype(np.float16),
        relightable=covered,
        lamps=lamps,
        lamp_softness=np.zeros(NUM_LAMPS, np.float32),
        irradiance=cosine.astype(np.float16),
        specular=np.zeros_like(cosine, dtype=np.float16),
    )


def _directions() -> np.ndarray:
    around = np.linspace(0, 2 * np.pi, NUM_DIRECTIONAL, endpoint=False)
    directions = np.stack([np.cos(around), np.sin(around), np.full(NUM_DIRECTIONAL, 0.6)], axis=1)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)
