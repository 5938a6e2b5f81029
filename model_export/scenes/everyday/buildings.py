"""Houses and towers, seen from afar."""

from __future__ import annotations

from model_export.scenes.everyday.bodies import Rng, Thing, fitted
from model_export.scenes.everyday.textures import patterned
from model_export.scenes.everyday.things import surfaced
from model_export.scenes.shapes import box, merged, placed


def building(rng: Rng) -> Thing:
    """Stack storeys with windows and a roof."""
    walls, trim, z = [], [], 0.0
    width, depth = rng.uniform(0.5, 1.2), rng.uniform(0.4, 0.9)
    for _ in range(rng.integers(1, 5)):
        height = rng.uniform(0.4, 0.8)
        storey = box((2 * width, 2 * depth, height), rng, bevel_m=0.01)
        walls.append(placed(storey, (0, 0, z)))
        count = int(rng.integers(2, 6))
        for k in range(count):
            for side in (-1, 1):
                pane = box((width / count * 1.1, 0.12, height * 0.55), rng, bevel_m=0.01)
                at = (width * (-1 + (2 * k + 1) / count), side * depth, z + 0.2 * height)
                trim.append(placed(pane, at))
        z += height
        ledge = box((width * 2.3, depth * 2.4, 0.08), rng, taper=rng.uniform(0, 0.5))
        trim.append(placed(ledge, (0, 0, z)))
        z += 0.08
        width, depth = width * rng.uniform(0.7, 1), depth * rng.uniform(0.7, 1)
    if rng.random() < 0.7:
        roof = box((2.2 * width, 2.2 * depth, rng.uniform(0.3, 0.9)), rng, bevel_m=0.01, taper=0.9)
        trim.append(placed(roof, (0, 0, z)))
    parts = [surfaced(rng, merged(meshes), patterned(rng)) for meshes in (walls, trim)]
    return fitted(parts)
