"""Layouts under the open sky."""

from __future__ import annotations

import numpy as np

from model_export.scenes import containers, dressing, equipment, furniture, plants, structures
from model_export.scenes import made_materials as made
from model_export.scenes import natural_materials as natural
from model_export.scenes.builder import MaterialMaker, SceneBuilder
from model_export.scenes.stones import boulder, ground_mesh, rolling_ground


def _land(
    site: SceneBuilder, kinds: tuple[str, ...], *, relief_m: float, rise_m: float = 0.0
) -> str:
    """Lay natural ground and return its kind."""
    rng = site.rng
    kind, wet = (
        str(rng.choice(kinds)),
        float(rng.choice([0.0, rng.uniform(0.15, 0.5)], p=[0.75, 0.25])),
    )
    roughness_m = rng.uniform(0.03, 0.12)
    site.ground = rolling_ground(rng, relief_m=relief_m, roughness_m=roughness_m, rise_m=rise_m)
    site.use("ground", lambda chance: natural.soil(chance, kind, wet=wet))
    site.add("ground", ground_mesh(site.ground))
    dressing.debris(site, "rock", int(rng.integers(60, 260)), 0.03, 3.0)
    return kind


def _paving(site: SceneBuilder, makers: tuple[MaterialMaker, ...]) -> None:
    """Lay a worn, nearly level pavement."""
    rng = site.rng
    site.ground = rolling_ground(
        rng, relief_m=rng.uniform(0, 0.12), roughness_m=rng.uniform(0, 0.02)
    )
    site.use("ground", makers[rng.integers(len(makers))])
    site.add("ground", ground_mesh(site.ground, num_steps=200))


def _trees(site: SceneBuilder, count: int, near_m: float, far_m: float) -> None:
    rng = site.rng
    bare = rng.random() < 0.35
    for _ in range(count):
        spot = site.free_spot(0.6, near_m, far_m, behind=rng.random() < 0.7)
        if spot is not None:
            parts = plants.tree(rng, rng.uniform(3, 7), bare=bare or rng.random() < 0.2)
            site.place(parts, *spot, yaw=rng.uniform(0, 6))


def _bushes(site: SceneBuilder, count: int, near_m: float, far_m: float) -> None:
    for _ in range(count):
        radius = site.rng.uniform(0.25, 0.7)
        spot = site.free_spot(radius, near_m, far_m)
        if spot is not None:
            site.place(plants.bush(site.rng, radius), *spot)


def _fences(site: SceneBuilder, count: int) -> None:
    rng = site.rng
    for _ in range(count):
        angle, distance = rng.uniform(0.1, 0.9) * np.pi, rng.uniform(1.8, 7)
        x, y = distance * np.cos(angle), distance * np.sin(angle)
        turn, half = angle + np.pi / 2 + rng.normal(0, 0.4), rng.uniform(1.5, 4)
        dx, dy = half * np.cos(turn), half * np.sin(turn)
        site.add_all(structures.fence(rng, (x - dx, y - dy), (x + dx, y + dy), site.ground))
        for t in np.linspace(-1, 1, 7):
            site.reserve(x + t * dx, y + t * dy, 0.3)


def _houses(site: SceneBuilder, count: int) -> None:
    """Build houses outside the ring of lamps, fronts turned to the middle."""
    rng, clear_m = site.rng, min(site.lamps.radius_m, 6.0) + 2.6
    for _ in range(count):
        width, depth = rng.uniform(3.5, 7), rng.uniform(3, 4.5)
        spot = site.free_spot(0.6 * width, clear_m + depth / 2, clear_m + 7, behind=True)
        if spot is not None:
            yaw = float(np.arctan2(-spot[0], spot[1])) * 0.7 + rng.normal(0, 0.2)
            site.place(
                structures.house(rng, width, depth, rng.uniform(2.4, 5.2)),
                *spot,
                yaw=-yaw,
                sink_m=0.1,
            )


def field(site: SceneBuilder) -> None:
    """A meadow or waste land with one thing in the middle."""
    rng = site.rng
    kind = _land(site, ("grass", "dirt", "sand", "snow", "grass"), relief_m=rng.uniform(0.1, 0.7))
    dressing.hero(site, dressing.RURAL_HEROES)
    _fences(site, int(rng.integers(0, 3)))
    dressing.boulders(site, int(rng.integers(4, 15)), 1.2, 12, 0.35)
    dressing.clutter(site, dressing.VILLAGE, int(rng.integers(2, 9)), 1.4, 6)
    _bushes(site, int(rng.integers(0, 8)), 1.5, 9)
    _trees(site, int(rng.integers(0, 4)), 4, 14)
    if kind in ("grass", "dirt"):
        dressing.growth(
            site, int(rng.integers(300, 4200)), rng.uniform(2.5, 6), rng.uniform(0.06, 0.28)
        )


def forest(site: SceneBuilder) -> None:
    """Trees, stumps and logs on a floor of litter."""
    rng = site.rng
    _land(
        site,
        ("litter", "grass", "snow", "dirt"),
        relief_m=rng.uniform(0.2, 0.8),
        rise_m=rng.uniform(0, 3),
    )
    heroes = (plants.log_pile, plants.stump, equipment.tent, plants.stump, *dressing.RURAL_HEROES)
    dressing.hero(site, heroes)
    _trees(site, int(rng.integers(8, 16)), 1.8, 14)
    for _ in range(rng.integers(1, 5)):
        spot = site.free_spot(0.7, 1.2, 7)
        if spot is not None:
            parts = (
                plants.stump(rng)
                if rng.random() < 0.4
                else plants.log(rng, rng.uniform(1.2, 3), rng.uniform(0.1, 0.25))
            )
            site.place(parts, *spot, yaw=rng.uniform(0, 6), sink_m=0.04)
    _bushes(site, int(rng.integers(2, 12)), 1.3, 9)
    dressing.boulders(site, int(rng.integers(2, 9)), 1.2, 10, 0.4)
    dressing.fallen_leaves(site, int(rng.integers(500, 4000)), 4)
    dressing.growth(site, int(rng.integers(100, 1800)), 5, rng.uniform(0.06, 0.3))


def rocks(site: SceneBuilder) -> None:
    """A stony valley or a cave: cliffs behind, boulders around."""
    rng = site.rng
    _land(
        site,
        ("dirt", "ash", "sand", "snow"),
        relief_m=rng.uniform(0.4, 1.1),
        rise_m=rng.uniform(0.5, 5),
    )
    dressing.hero(site, (*dressing.STONE_HEROES, *dressing.RURAL_HEROES))
    clear_m = min(site.lamps.radius_m, 6.0) + 3.0
    for angle in rng.uniform(0.0, 1.0, rng.integers(5, 14)) * np.pi:
        distance, radius = clear_m + rng.uniform(0, 5), rng.uniform(1.6, 4.0)
        cliff = boulder(rng, radius, detail=5, flatness=rng.uniform(0.8, 1.6))
        x, y = (distance + radius) * np.cos(angle), (distance + radius) * np.sin(angle)
        site.place([("rock", cliff)], x, y, sink_m=0.3)
    dressing.boulders(site, int(rng.integers(14, 32)), 1.2, 9, 0.5)
    dressing.debris(site, "rock", int(rng.integers(300, 900)), 0.05, 3.5)
    dressing.clutter(site, dressing.VILLAGE, int(rng.integers(0, 6)), 1.5, 5)
    if rng.random() < 0.5:
        dressing.growth(site, int(rng.integers(50, 500)), 4, 0.15)


def village(site: SceneBuilder) -> None:
    """Houses, fences and the things of a farm."""
    rng = site.rng
    kind = _land(site, ("grass", "dirt", "dirt", "snow"), relief_m=rng.uniform(0.05, 0.3))
    walls = (made.brick, made.planks, made.cobbles, made.plaster)
    site.use("wall", walls[rng.integers(len(walls))])
    site.use("roof", (made.timber, made.rusty_metal, made.concrete)[rng.integers(3)])
    dressing.hero(site, dressing.RURAL_HEROES)
    _houses(site, int(rng.integers(1, 5)))
    _fences(site, int(rng.integers(0, 3)))
    dressing.clutter(site, dressing.VILLAGE, int(rng.integers(8, 20)), 1.3, 7)
    _trees(site, int(rng.integers(0, 4)), 5, 13)
    dressing.debris(site, "old_wood", int(rng.integers(20, 120)), 0.04, 3)
    if kind != "snow":
        dressing.growth(site, int(rng.integers(150, 2000)), 4.5, rng.uniform(0.06, 0.2))


def courtyard(site: SceneBuilder) -> None:
    """A paved yard between houses."""
    rng = site.rng
    _paving(site, (made.cobbles, made.tiles, made.concrete, made.brick, made.cobbles))
    site.use("wall", (made.brick, made.plaster, made.cobbles)[rng.integers(3)])
    site.use("roof", (made.timber, made.rusty_metal, made.concrete)[rng.integers(3)])
    site.use("stone", (made.concrete, natural.rock)[rng.integers(2)])
    dressing.hero(site, (*dressing.STONE_HEROES, *dressing.RURAL_HEROES))
    _houses(site, int(rng.integers(2, 6)))
    dressing.clutter(site, dressing.VILLAGE, int(rng.integers(10, 26)), 1.3, 7)
    dressing.debris(site, "stone", int(rng.integers(60, 300)), 0.03, 3)
    _bushes(site, int(rng.integers(0, 4)), 2, 8)
    if rng.random() < 0.6:
        dressing.fallen_leaves(site, int(rng.integers(200, 1500)), 4)


def ruins(site: SceneBuilder) -> None:
    """Columns, arches and broken walls of an old temple."""
    rng = site.rng
    site.use("stone", (natural.rock, made.concrete, natural.rock)[rng.integers(3)])
    if rng.random() < 0.6:
        _paving(site, (made.tiles, made.cobbles, made.concrete))
    else:
        _land(site, ("sand", "dirt", "grass"), relief_m=rng.uniform(0.05, 0.25))
    dressing.hero(site, dressing.STONE_HEROES)
    height, width, aisle = rng.uniform(2, 4), rng.uniform(0.45, 0.75), rng.uniform(2.6, 3.8)
    for k in range(rng.integers(2, 6)):
        for side in (-1, 1):
            if rng.random() < 0.85:
                x, y = side * aisle + rng.normal(0, 0.1), -0.8 + 2.2 * k
                site.place(structures.column(rng, height, width), x, y, yaw=rng.uniform(0, 6))
                site.reserve(x, y, width)
    for _ in range(rng.integers(1, 4)):
        spot = site.free_spot(1.4, 4.5, 9, behind=True)
        if spot is not None:
            wall = structures.dry_wall(rng, rng.uniform(2.5, 5), rng.uniform(1, 3.2))
            site.place(wall, *spot, yaw=rng.normal(0, 0.5))
    if rng.random() < 0.6:
        site.place(
            structures.arch(rng, rng.uniform(1.8, 2.8), rng.uniform(1.6, 2.6)),
            0,
            rng.uniform(4.5, 7),
        )
    dressing.boulders(site, int(rng.integers(2, 9)), 1.2, 7, 0.25)
    dressing.debris(site, "stone", int(rng.integers(150, 600)), 0.06, 3)
    dressing.clutter(
        site,
        (containers.pot, furniture.bench, containers.pot, equipment.statue),
        int(rng.integers(2, 9)),
        1.3,
        6,
    )
    _bushes(site, int(rng.integers(0, 6)), 1.8, 8)
    dressing.growth(site, int(rng.integers(0, 900)), 4, rng.uniform(0.06, 0.2))


def industrial(site: SceneBuilder) -> None:
    """A works yard: masts, pipes, containers, drums."""
    rng = site.rng
    if rng.random() < 0.7:
        _paving(site, (made.concrete, made.tiles, made.concrete, made.rusty_metal))
    else:
        _land(site, ("dirt", "ash"), relief_m=0.1)
    dressing.hero(site, dressing.YARD_HEROES)
    for _ in range(rng.integers(1, 4)):
        spot = site.free_spot(0.8, 2.8, 9, behind=True)
        if spot is not None:
            site.place(structures.truss(rng, rng.uniform(3, 7)), *spot, yaw=rng.uniform(0, 1.5))
    clear_m = min(site.lamps.radius_m, 6.0) + 2.0
    for _ in range(rng.integers(1, 4)):
        spot = site.free_spot(2.0, clear_m, clear_m + 5, behind=True)
        if spot is not None:
            site.place(structures.container(rng), *spot, yaw=rng.normal(0, 0.6))
    for _ in range(rng.integers(1, 3)):
        pipes = structures.pipes(rng, rng.uniform(4, 9))
        site.place(pipes, rng.normal(0, 3), rng.uniform(2.8, 7), yaw=rng.normal(0, 0.3))
    dressing.clutter(site, dressing.YARD, int(rng.integers(10, 24)), 1.3, 7)
    dressing.debris(
        site, str(rng.choice(["stone", "metal", "old_wood"])), int(rng.integers(80, 400)), 0.04, 3.5
    )
    if rng.random() < 0.4:
        dressing.growth(site, int(rng.integers(50, 400)), 4, 0.15)
