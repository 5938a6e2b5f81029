"""What stands in rooms: tables, chairs, shelves, rugs.

See `parts` for the manner.
"""

from __future__ import annotations

import numpy as np

from model_export.scenes.containers import pot
from model_export.scenes.parts import Parts, beam, board_row, moved, one_of
from model_export.scenes.shapes import box, placed, scaled, sheet

Rng = np.random.Generator


def table(rng: Rng) -> Parts:
    """A table of boards, with pots on it."""
    wood, length, width = one_of(rng, "wood", "old_wood"), rng.uniform(1.2, 1.9), 0.8
    top = board_row(rng, 4, length, width_m=width / 4)
    parts: Parts = [(wood, placed(board, (0, 0, 0.78))) for board in top]
    corners = [(x, y) for x in (-length * 0.43, length * 0.43) for y in (-0.33, 0.33)]
    parts += [(wood, beam((x, y, 0), (x, y, 0.76), 0.08, rng)) for x, y in corners]
    parts += [(wood, beam((x, -0.33, 0.68), (x, 0.33, 0.68), 0.07, rng)) for x, _ in corners[::2]]
    for _ in range(rng.integers(0, 4)):
        at = (rng.uniform(-0.4, 0.4) * length, rng.uniform(-0.25, 0.25), 0.815)
        parts += [(name, placed(scaled(mesh, 0.55), at)) for name, mesh in pot(rng)]
    return parts


def chair(rng: Rng) -> Parts:
    """A plain chair, its back away from the camera."""
    wood, seat = one_of(rng, "wood", "paint"), 0.45
    parts: Parts = [(wood, box((0.44, 0.44, 0.04), rng, bevel_m=0.012))]
    parts = moved(parts, (0, 0, seat))
    for x in (-0.19, 0.19):
        parts.append((wood, beam((x, -0.19, 0), (x, -0.18, seat), 0.045, rng)))
        parts.append((wood, beam((x, 0.19, 0), (x, 0.25, 0.98), 0.045, rng)))
        parts.append((wood, beam((x, -0.19, 0.2), (x, 0.2, 0.2), 0.03, rng)))
    for z in (0.6, 0.74, 0.88):
        parts.append((wood, beam((-0.19, 0.23, z), (0.19, 0.23, z), 0.03, rng, depth_m=0.08)))
    return parts


def bench(rng: Rng) -> Parts:
    """A seat of one thick board on two blocks."""
    parts: Parts = [("old_wood", placed(box((1.7, 0.36, 0.07), rng, wobble_m=0.01), (0, 0, 0.42)))]
    blocks = one_of(rng, "stone", "old_wood")
    return parts + [
        (blocks, placed(box((0.22, 0.32, 0.42), rng, wobble_m=0.012), (x, 0, 0)))
        for x in (-0.6, 0.6)
    ]


def shelf(rng: Rng) -> Parts:
    """A rack of boards with jars, books and boxes; its back is at y = 0.2."""
    wood, width, height = "wood", rng.uniform(0.9, 1.5), rng.uniform(1.5, 2.2)
    parts: Parts = [
        (wood, placed(box((0.05, 0.4, height), rng), (x, 0, 0))) for x in (-width / 2, width / 2)
    ]
    levels = np.arange(0.12, height, 0.42)
    for z in levels:
        parts.append((wood, placed(box((width, 0.4, 0.035), rng), (0, 0, z))))
    parts.append((wood, placed(box((width, 0.02, height), rng, bevel_m=0.004), (0, 0.19, 0))))
    for z in levels[levels < height - 0.3]:
        x = -width / 2 + 0.08
        while x < width / 2 - 0.1:
            if rng.random() < 0.5:
                size = (rng.uniform(0.03, 0.07), 0.2, rng.uniform(0.18, 0.3))
                parts.append(
                    (
                        one_of(rng, "cloth", "paint", "glaze"),
                        placed(
                            box(size, rng, bevel_m=0.006),
                            (x, -0.05, z + 0.035),
                            pitch=rng.normal(0, 0.04),
                        ),
                    )
                )
                x += size[0] + 0.005
            else:
                for name, mesh in pot(rng):
                    parts.append(
                        (
                            name,
                            placed(
                                scaled(mesh, 0.35), (x + 0.06, rng.normal(-0.04, 0.04), z + 0.035)
                            ),
                        )
                    )
                x += rng.uniform(0.15, 0.4)
    return parts


def rug(rng: Rng) -> Parts:
    """A wrinkled carpet."""
    x, y = np.meshgrid(np.linspace(-1.1, 1.1, 40), np.linspace(-0.7, 0.7, 30))
    wave = np.sin(4 * x + 2 * y + rng.uniform(0, 6)) + np.sin(7 * y - 3 * x + rng.uniform(0, 6))
    points = np.stack([x, y, 0.02 + 0.012 * np.maximum(wave, 0)], -1)
    return [("cloth", sheet(points))]
