"""What makes a place look used: heroes in the middle, clutter around, debris underfoot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from model_export.scenes import containers, equipment, furniture, plants, structures
from model_export.scenes.builder import SceneBuilder
from model_export.scenes.parts import Parts, beam, board_row, one_of
from model_export.scenes.shapes import merged, placed
from model_export.scenes.stones import boulder, chip, scattered

Prop = Callable[[np.random.Generator], Parts]

VILLAGE: tuple[Prop, ...] = (
    containers.crate,
    containers.barrel,
    containers.pot,
    containers.sack,
    containers.plank_pile,
    furniture.bench,
    equipment.ladder,
    equipment.fallen_wheel,
    equipment.cart,
    furniture.table,
)
YARD: tuple[Prop, ...] = (
    containers.drum,
    containers.crate,
    containers.tyres,
    containers.pallets,
    equipment.barrier,
    containers.plank_pile,
    equipment.ladder,
    containers.drum,
)
HOUSEHOLD: tuple[Prop, ...] = (
    furniture.chair,
    containers.pot,
    containers.crate,
    containers.sack,
    containers.barrel,
    furniture.table,
    furniture.bench,
    containers.plank_pile,
)


def _radius(parts: Parts) -> float:
    return max(float(np.hypot(*mesh.positions[:, :2].T).max()) for _, mesh in parts)


def clutter(
    site: SceneBuilder, kinds: Sequence[Prop], count: int, near_m: float, far_m: float
) -> None:
    """Set props down in small groups, as people leave them."""
    rng = site.rng
    while count > 0:
        kind = kinds[int(rng.integers(len(kinds)))]
        for _ in range(rng.integers(1, 4)):
            parts = kind(rng)
            spot = site.free_spot(0.85 * _radius(parts), near_m, far_m)
            if spot is not None:
                site.place(parts, *spot, yaw=rng.uniform(0, 2 * np.pi))
            count -= 1


def boulders(site: SceneBuilder, count: int, near_m: float, far_m: float, size_m: float) -> None:
    """Let rocks lie about, larger ones farther away."""
    rng = site.rng
    for _ in range(count):
        distance = rng.uniform(near_m, far_m)
        radius = size_m * rng.uniform(0.35, 1.2) * (0.6 + distance / 10)
        spot = site.free_spot(0.7 * radius, distance, distance + 1)
        if spot is not None:
            rock = boulder(rng, radius, detail=4 if radius > 0.4 else 3)
            site.place([("rock", rock)], *spot, sink_m=0.12 * radius)


def debris(site: SceneBuilder, material: str, count: int, size_m: float, reach_m: float) -> None:
    """Scatter small broken pieces, most of them in a few heaps."""
    rng = site.rng
    heaps = rng.normal(0, reach_m, (6, 2))
    home = heaps[rng.integers(0, 6, count)] + rng.normal(0, 0.7, (count, 2))
    xy = np.where(rng.random((count, 1)) < 0.6, home, rng.normal(0, reach_m, (count, 2)))
    sizes = size_m * rng.lognormal(0, 0.5, count)
    for group in np.array_split(np.arange(count), 4):
        if len(group):
            site.add(material, scattered(rng, chip(rng), xy[group], site.ground, sizes[group]))


def fallen_leaves(site: SceneBuilder, count: int, reach_m: float) -> None:
    """Strew dead leaves and twigs."""
    rng = site.rng
    xy = rng.normal(0, reach_m, (count, 2))
    centres = np.column_stack([xy, site.ground(xy[:, 0], xy[:, 1]) + 0.015])
    site.add("dry_grass", plants.leaves(rng, centres, 0.06))


def growth(site: SceneBuilder, num_tufts: int, reach_m: float, height_m: float) -> None:
    """Let grass grow in tufts, some of it dry."""
    rng = site.rng
    for material, share in (("grass", 0.7), ("dry_grass", 0.3)):
        xy = plants.tufts(rng, int(share * num_tufts) + 1, 14, reach_m)
        clear = np.hypot(xy[:, 0] - site.camera.origin[0], xy[:, 1] - site.camera.origin[1]) > 0.9
        site.add(material, plants.grass(rng, xy[clear], site.ground, height_m))


def _rocks(rng: np.random.Generator) -> Parts:
    parts: Parts = []
    for _ in range(rng.integers(1, 4)):
        stone = boulder(rng, rng.uniform(0.5, 1.3), detail=5)
        shift = (rng.normal(0, 0.8), rng.normal(0, 0.6), -0.1)
        parts.append(("rock", placed(stone, shift)))
    return parts


def _wreckage(rng: np.random.Generator) -> Parts:
    """A heap of boards and beams that lean on one another."""
    parts: Parts = [("old_wood", merged(board_row(rng, 3, 1.6)))]
    for _ in range(rng.integers(5, 11)):
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.7, 1.4)
        foot = (reach * np.cos(angle), reach * np.sin(angle), 0.0)
        top = (*rng.normal(0, 0.3, 2), rng.uniform(0.2, 1.1))
        board = beam(foot, top, rng.uniform(0.06, 0.16), rng, depth_m=0.05, wobble_m=0.012)
        parts.append((one_of(rng, "wood", "old_wood"), board))
    return parts


def _ruin(rng: np.random.Generator) -> Parts:
    return structures.dry_wall(rng, rng.uniform(2, 3.5), rng.uniform(0.7, 1.6))


def _gate(rng: np.random.Generator) -> Parts:
    return structures.arch(rng, rng.uniform(1.2, 2.0), rng.uniform(0.9, 1.6))


def _pillar(rng: np.random.Generator) -> Parts:
    return structures.column(rng, rng.uniform(1.0, 2.4), rng.uniform(0.35, 0.6))


def _steps(rng: np.random.Generator) -> Parts:
    return structures.stairs(rng, rng.uniform(1.2, 2.0), int(rng.integers(3, 7)))


RURAL_HEROES: tuple[Prop, ...] = (
    _rocks,
    _rocks,
    structures.stage,
    plants.log_pile,
    equipment.cart,
    equipment.well,
    _ruin,
    _wreckage,
    equipment.tent,
    plants.stump,
    furniture.table,
)
STONE_HEROES: tuple[Prop, ...] = (
    equipment.statue,
    _pillar,
    _gate,
    _ruin,
    _steps,
    _rocks,
    equipment.well,
)
YARD_HEROES: tuple[Prop, ...] = (
    _wreckage,
    containers.pallets,
    equipment.barrier,
    containers.tyres,
    structures.stage,
    containers.drum,
    equipment.cart,
)
HOUSE_HEROES: tuple[Prop, ...] = (
    furniture.table,
    furniture.table,
    equipment.statue,
    containers.crate,
    furniture.bench,
    _wreckage,
    containers.barrel,
    furniture.chair,
)


def hero(site: SceneBuilder, kinds: Sequence[Prop]) -> None:
    """Put what the picture is about in the middle."""
    rng = site.rng
    parts = kinds[int(rng.integers(len(kinds)))](rng)
    x, y = rng.normal(0, 0.3), rng.normal(0.2, 0.3)
    site.reserve(x, y, 0.9 * _radius(parts))
    site.place(parts, x, y, yaw=rng.normal(0, 0.5))
