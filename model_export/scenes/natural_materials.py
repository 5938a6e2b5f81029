"""Materials that grow or lie about: soils, rock, bark, leaves.

Colours are written as sRGB, as one would pick them from a photograph.
"""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray, Material
from model_export.scenes.noise import SIZE_PX, fractal_noise, mix, smoothstep
from service.contract.color import srgb_to_linear

GROUND_PX = 1024
GROUND_WIDTH_M = 13.0


def finished(
    color: FloatArray,
    height: FloatArray,
    roughness: FloatArray | float,
    *,
    width_m: float,
    relief_m: float,
    metallic: float = 0.0,
) -> Material:
    """Close a material: sRGB colour to linear reflectance, ranges clipped, float32."""
    albedo = srgb_to_linear(np.clip(color, 0.03, 0.95).astype(np.float32))
    rough = np.broadcast_to(np.asarray(roughness, dtype=np.float32), height.shape)
    return Material(
        albedo=albedo,
        height=np.clip(height, 0, 1).astype(np.float32),
        roughness=np.clip(rough, 0.08, 1),
        width_m=width_m,
        relief_m=relief_m,
        metallic=metallic,
    )


def _wet(
    rng: np.random.Generator, color: FloatArray, height: FloatArray, share: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Let water stand in the low places: darker, flat, shiny. Also returns the roughness."""
    size_px = len(height)
    level = 0.7 * fractal_noise(rng, slope=2.2, size_px=size_px) + 0.3 * height
    shore, edge = np.quantile(level, (share, share / 2))
    damp = 1 - smoothstep(level, shore, shore + 0.08)
    pool = 1 - smoothstep(level, edge, edge + 0.02)
    height = height * (1 - pool) + height.min() * pool
    return color * (1 - 0.5 * damp)[..., None], height, 0.9 - 0.45 * damp - 0.33 * pool


_SOILS = {  # two tones, grit, relief in metres
    "grass": ([0.27, 0.29, 0.15], [0.38, 0.34, 0.22], 0.9, 0.05),
    "dirt": ([0.33, 0.27, 0.21], [0.45, 0.39, 0.32], 0.8, 0.05),
    "sand": ([0.62, 0.55, 0.42], [0.52, 0.45, 0.34], 0.4, 0.03),
    "snow": ([0.82, 0.83, 0.85], [0.66, 0.67, 0.70], 0.15, 0.04),
    "litter": ([0.24, 0.22, 0.12], [0.36, 0.27, 0.17], 1.2, 0.06),
    "ash": ([0.28, 0.27, 0.26], [0.40, 0.38, 0.36], 0.8, 0.05),
}


def soil(rng: np.random.Generator, kind: str, *, wet: float = 0.0) -> Material:
    """Natural ground without paving; `wet` is the share that is damp."""
    first, second, grit, relief_m = _SOILS[kind]
    tone = rng.uniform(0.8, 1.12)
    patches = smoothstep(fractal_noise(rng, slope=1.7, size_px=GROUND_PX), 0.38, 0.62)
    clods = fractal_noise(rng, slope=0.9, min_cycles=6, size_px=GROUND_PX)
    grains = fractal_noise(rng, slope=0.0, min_cycles=40, size_px=GROUND_PX)
    color = mix(np.array(first) * tone, np.array(second) * tone, patches)
    shade = 1 + grit * (0.6 * (clods - 0.5) + 0.4 * (grains - 0.5))
    pebbles = smoothstep(fractal_noise(rng, slope=0.4, min_cycles=60, size_px=GROUND_PX), 0.8, 0.9)
    color = mix(color * shade[..., None], np.array([0.5, 0.47, 0.43]) * tone, pebbles * 0.6 * grit)
    height = 0.8 * clods + 0.2 * grains
    roughness: FloatArray = np.full_like(height, 0.9)
    if wet > 0:
        color, height, roughness = _wet(rng, color, height, wet)
    return finished(color, height, roughness, width_m=GROUND_WIDTH_M, relief_m=relief_m)


def rock(rng: np.random.Generator) -> Material:
    """Weathered stone with cracks, lichen and, at times, a wet gloss."""
    base = rng.uniform(0.3, 0.5) * np.array([1.06, 1.0, rng.uniform(0.82, 0.98)])
    lumps = fractal_noise(rng, slope=1.2, min_cycles=3)
    grains = fractal_noise(rng, slope=0.2, min_cycles=30)
    crack = smoothstep(np.abs(fractal_noise(rng, slope=1.8, min_cycles=2) - 0.5), 0.0, 0.025)
    shade = (0.6 + 0.55 * lumps + 0.35 * (grains - 0.5)) * (0.6 + 0.4 * crack)
    lichen = smoothstep(fractal_noise(rng, slope=1.4, min_cycles=3), 0.6, 0.72)
    lichen = lichen * rng.uniform(0, 0.8)
    color = mix(base * shade[..., None], np.array([0.36, 0.36, 0.24]), lichen)
    height = 0.6 * lumps + 0.12 * grains + 0.28 * crack
    roughness = rng.choice([0.9, 0.8, 0.35], p=[0.5, 0.35, 0.15])
    return finished(color, height, roughness, width_m=rng.uniform(1.5, 2.5), relief_m=0.06)


def bark(rng: np.random.Generator) -> Material:
    """Furrowed bark; v runs along the trunk."""
    furrow = fractal_noise(rng, slope=0.9, min_cycles=3, stretch=5)
    grains = fractal_noise(rng, slope=0.3, min_cycles=20)
    base = rng.uniform(0.26, 0.42) * np.array([1.1, 1.0, rng.uniform(0.76, 0.9)])
    color = base * (0.35 + 1.1 * furrow + 0.4 * (grains - 0.5))[..., None]
    return finished(color, 0.8 * furrow + 0.2 * grains, 0.9, width_m=0.9, relief_m=0.04)


_LEAVES = ([0.22, 0.28, 0.12], [0.30, 0.31, 0.14], [0.20, 0.25, 0.15], [0.38, 0.31, 0.16])


def foliage(rng: np.random.Generator, *, dry: float = 0.0) -> Material:
    """Leaves and blades: every spot of the tile is another leaf's tone."""
    fresh = np.array(_LEAVES[rng.integers(len(_LEAVES))]) * rng.uniform(0.85, 1.2)
    withered = np.array([0.45, 0.38, 0.24])
    turned = smoothstep(
        fractal_noise(rng, slope=1.0, min_cycles=2), 0.75 - 0.5 * dry, 0.95 - 0.4 * dry
    )
    tone = 0.7 + 0.6 * fractal_noise(rng, slope=0.8, min_cycles=2)
    height = np.full((SIZE_PX, SIZE_PX), 0.5)
    return finished(
        mix(fresh, withered, turned) * tone[..., None], height, 0.6, width_m=1.0, relief_m=0.0
    )
