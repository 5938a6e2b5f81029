"""Materials that people make: masonry, wood, metal, plaster, cloth.

Colours are written as sRGB, as one would pick them from a photograph.
"""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray, IntArray, Material
from model_export.scenes.natural_materials import finished
from model_export.scenes.noise import SIZE_PX, cells, fractal_noise, mix, smoothstep


def muted(
    rng: np.random.Generator, darkest: float, lightest: float, saturation: float = 0.25
) -> FloatArray:
    """Draw a colour such as worn things have: mostly warm greys, at times a faded blue or green."""
    value, strength = rng.uniform(darkest, lightest), saturation * rng.uniform(0.15, 1)
    warm = np.array([1, rng.uniform(-0.1, 0.5), -1])
    cold = np.array([rng.uniform(-1, 0.1), rng.uniform(-0.2, 0.5), rng.uniform(-0.3, 0.8)])
    return value * (1 + strength * (warm if rng.random() < 0.75 else cold))


def _grid(columns: int, rows: int, shift: float = 0.0) -> tuple[FloatArray, IntArray, IntArray]:
    """Split the tile into bricks: distance to the joint in tile widths, row and column index."""
    v, u = np.mgrid[0:SIZE_PX, 0:SIZE_PX] / SIZE_PX
    row = np.floor(v * rows).astype(int)
    along = u * columns + shift * (row % 2)
    gap_u = np.minimum(along % 1, 1 - along % 1) / columns
    gap_v = np.minimum(v * rows % 1, 1 - v * rows % 1) / rows
    return np.minimum(gap_u, gap_v), row, np.floor(along).astype(int) % columns


def _stained(rng: np.random.Generator, color: FloatArray, strength: float) -> FloatArray:
    """Darken by small stains and by streaks that run down (along v)."""
    spots = smoothstep(fractal_noise(rng, slope=1.3, min_cycles=4), 0.55, 0.8)
    streaks = smoothstep(fractal_noise(rng, slope=1.2, min_cycles=3, stretch=8), 0.5, 0.8)
    return np.asarray(color * (1 - strength * (0.5 * spots + 0.4 * streaks))[..., None])


def brick(rng: np.random.Generator) -> Material:
    """Courses of brick or cut stone with worn joints."""
    rows = int(rng.integers(8, 15))
    gap, row, column = _grid(rows // 2, rows, 0.5)
    gap = gap + 0.012 * (fractal_noise(rng, slope=1.0, min_cycles=6) - 0.5)
    face = smoothstep(gap, 0.004, 0.012)
    bases = ([0.42, 0.27, 0.21], [0.45, 0.33, 0.26], [0.42, 0.39, 0.35], [0.50, 0.45, 0.38])
    base = np.array(bases[rng.integers(len(bases))])
    tones = rng.uniform(0.7, 1.15, (rows, rows // 2, 1)) * rng.normal(1, 0.05, (rows, rows // 2, 3))
    grain = fractal_noise(rng, slope=0.8, min_cycles=5)
    color = base * tones[row, column] * (0.7 + 0.6 * grain)[..., None]
    mortar = np.array([0.42, 0.40, 0.37]) * rng.uniform(0.55, 1.1) * (0.8 + 0.4 * grain)[..., None]
    height = face * (0.65 + 0.35 * grain)
    color = _stained(rng, mix(mortar, color, face), rng.uniform(0.2, 0.8))
    return finished(color, height, 0.85, width_m=rng.uniform(1.8, 2.6), relief_m=0.035)


_WOODS = ([0.40, 0.30, 0.21], [0.34, 0.26, 0.19], [0.50, 0.42, 0.32], [0.42, 0.39, 0.35])


def _grain(rng: np.random.Generator) -> FloatArray:
    """Fibres and rings of wood; v runs along them."""
    fibres = fractal_noise(rng, slope=1.1, min_cycles=3, stretch=14)
    rings = fractal_noise(rng, slope=2.0, min_cycles=2, stretch=6)
    return np.asarray(0.6 * fibres + 0.4 * (0.5 + 0.5 * np.sin(40 * rings)))


def planks(rng: np.random.Generator) -> Material:
    """Boards side by side with open joints: floors and walls."""
    num_boards = int(rng.integers(6, 13))
    across = np.mgrid[0:SIZE_PX, 0:SIZE_PX][1] / SIZE_PX * num_boards
    column, u = np.floor(across).astype(int), across % 1
    edge = smoothstep(np.minimum(u, 1 - u), 0.01, 0.05)
    start = rng.integers(0, SIZE_PX, num_boards)[column]
    grain = _grain(rng)[(np.arange(SIZE_PX)[:, None] + start) % SIZE_PX, np.arange(SIZE_PX)]
    tones = rng.uniform(0.7, 1.15, num_boards)[column]
    base = np.array(_WOODS[rng.integers(len(_WOODS))])
    color = base * (tones * (0.6 + 0.65 * grain) * (0.2 + 0.8 * edge))[..., None]
    color = _stained(rng, color, rng.uniform(0.1, 0.7))
    roughness = rng.choice([0.75, 0.6, 0.3], p=[0.5, 0.3, 0.2])
    return finished(color, edge * (0.75 + 0.25 * grain), roughness, width_m=1.9, relief_m=0.02)


def timber(rng: np.random.Generator) -> Material:
    """One piece of wood; v runs along the grain."""
    grain, base = _grain(rng), np.array(_WOODS[rng.integers(len(_WOODS))])
    crack = smoothstep(fractal_noise(rng, slope=1.0, min_cycles=3, stretch=20), 0.72, 0.8)
    color = base * ((0.6 + 0.7 * grain) * (1 - 0.6 * crack))[..., None]
    color = _stained(rng, color, rng.uniform(0.1, 0.6))
    return finished(color, grain * (1 - crack), 0.75, width_m=rng.uniform(0.9, 1.3), relief_m=0.012)


def tiles(rng: np.random.Generator) -> Material:
    """Square slabs, plain or chequered, dull or glazed."""
    count = 2 * int(rng.integers(1, 4))
    gap, row, column = _grid(count, count)
    gap = gap + 0.006 * (fractal_noise(rng, slope=1.0, min_cycles=5) - 0.5)
    face = smoothstep(gap, 0.004, 0.01)
    light = muted(rng, 0.35, 0.6, 0.15)
    dark = light * rng.uniform(0.4, 0.9) if rng.random() < 0.4 else light
    tones = rng.uniform(0.82, 1.1, (count, count))[row, column]
    slabs = np.where(((row + column) % 2 == 0)[..., None], light, dark) * tones[..., None]
    slabs = slabs * (0.8 + 0.4 * fractal_noise(rng, slope=1.2, min_cycles=4))[..., None]
    color = _stained(rng, slabs, rng.uniform(0.1, 0.7))
    gloss = rng.choice([0.8, 0.5, 0.2], p=[0.4, 0.3, 0.3])
    roughness = gloss + 0.25 * (fractal_noise(rng, slope=1.2, min_cycles=3) - 0.4)
    color = mix(np.array([0.2, 0.19, 0.18]), color, face)
    return finished(color, face, roughness, width_m=rng.uniform(1.6, 3.0), relief_m=0.015)


def cobbles(rng: np.random.Generator) -> Material:
    """Rounded paving stones or rubble masonry; glossy where they are wet."""
    border, index = cells(rng, int(rng.integers(50, 130)))
    stone = smoothstep(border / np.quantile(border, 0.95), 0.05, 0.45)
    base, count = muted(rng, 0.3, 0.48, 0.15), int(index.max()) + 1
    tones = rng.uniform(0.65, 1.15, (count, 1)) * rng.normal(1, 0.03, (count, 3))
    grain = fractal_noise(rng, slope=0.8, min_cycles=5)
    color = mix(
        np.array([0.17, 0.15, 0.13]), base * tones[index] * (0.65 + 0.6 * grain)[..., None], stone
    )
    roughness = rng.choice([0.8, 0.28], p=[0.7, 0.3]) + 0.2 * (grain - 0.5)
    return finished(
        color, 0.85 * stone + 0.15 * grain, roughness, width_m=rng.uniform(1.8, 3), relief_m=0.05
    )


def concrete(rng: np.random.Generator) -> Material:
    """Cast or trowelled grey with pores, cracks and stains."""
    grain = fractal_noise(rng, slope=0.5, min_cycles=8)
    clouds = fractal_noise(rng, slope=1.5, min_cycles=3)
    crack = smoothstep(np.abs(fractal_noise(rng, slope=2.0, min_cycles=2) - 0.5), 0.0, 0.008)
    color = muted(rng, 0.36, 0.56, 0.1) * (0.78 + 0.3 * clouds + 0.25 * (grain - 0.5))[..., None]
    color = _stained(rng, color * (0.65 + 0.35 * crack)[..., None], rng.uniform(0.2, 0.9))
    return finished(
        color, 0.6 * grain + 0.4 * crack, 0.8, width_m=rng.uniform(2.5, 4), relief_m=0.009
    )


def plaster(rng: np.random.Generator) -> Material:
    """Painted render that has come off in places and shows what is under it."""
    missing = fractal_noise(rng, slope=1.6, min_cycles=3)
    bare = smoothstep(missing, 1.1 - rng.uniform(0.2, 0.5), 0.92)
    grain = fractal_noise(rng, slope=0.6, min_cycles=8)
    paint = muted(rng, 0.4, 0.68, 0.2) * (0.85 + 0.3 * (grain - 0.5))[..., None]
    under = np.array([0.36, 0.31, 0.27]) * (0.6 + 0.8 * grain)[..., None]
    color = _stained(rng, mix(paint, under, bare), rng.uniform(0.1, 0.6))
    return finished(color, (1 - 0.6 * bare) * (0.8 + 0.2 * grain), 0.85, width_m=2.8, relief_m=0.02)


def rusty_metal(rng: np.random.Generator) -> Material:
    """Painted or bare sheet metal with rust; shiny where it is sound."""
    rust = smoothstep(fractal_noise(rng, slope=1.2, min_cycles=3), 0.42, 0.62)
    grain = fractal_noise(rng, slope=0.5, min_cycles=10)
    sound = muted(rng, 0.16, 0.5, 0.3) * (0.9 + 0.2 * (grain - 0.5))[..., None]
    decay = np.array([0.31, 0.21, 0.15]) * (0.55 + 0.9 * grain)[..., None]
    color = _stained(rng, mix(sound, decay, rust), 0.4)
    roughness = rng.uniform(0.25, 0.45) + 0.5 * rust
    height = 0.5 + 0.5 * rust * grain
    return finished(color, height, roughness, width_m=1.4, relief_m=0.006, metallic=0.3)


def paint(rng: np.random.Generator) -> Material:
    """Varnish, glaze or enamel: smooth, worn in places."""
    wear = smoothstep(fractal_noise(rng, slope=1.2, min_cycles=4), 0.62, 0.75)
    tone = 0.88 + 0.25 * fractal_noise(rng, slope=1.3, min_cycles=3)
    color = muted(rng, 0.12, 0.6, 0.4) * (tone * (1 - 0.4 * wear))[..., None]
    return finished(
        color, 1 - wear, rng.uniform(0.15, 0.5) + 0.3 * wear, width_m=1.2, relief_m=0.002
    )


def cloth(rng: np.random.Generator) -> Material:
    """Woven stuff: sacks, tents, curtains, rugs, ropes."""
    v, u = np.mgrid[0:SIZE_PX, 0:SIZE_PX] / SIZE_PX
    weave = 0.5 + 0.25 * (np.sin(2 * np.pi * 64 * u) + np.sin(2 * np.pi * 64 * v))
    color = muted(rng, 0.3, 0.55, 0.3) * (0.75 + 0.3 * weave)[..., None]
    if rng.random() < 0.4:
        stripe = smoothstep(np.abs(v * rng.integers(3, 8) % 1 - 0.5), 0.25, 0.27)
        color = mix(color, color * rng.uniform(0.4, 0.7), stripe)
    color = _stained(rng, color, rng.uniform(0.1, 0.6))
    return finished(color, weave, 0.95, width_m=0.8, relief_m=0.004)
