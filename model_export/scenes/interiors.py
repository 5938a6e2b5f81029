"""Layouts between four walls; the camera stands where the fourth would be."""

from __future__ import annotations

import numpy as np

from model_export.scenes import dressing, furniture, structures
from model_export.scenes import made_materials as made
from model_export.scenes.builder import MaterialMaker, SceneBuilder
from model_export.scenes.parts import beam, moved
from model_export.scenes.shapes import box, placed, sheet

FLOORS: tuple[MaterialMaker, ...] = (made.planks, made.tiles, made.concrete, made.planks)
WALLS: tuple[MaterialMaker, ...] = (
    made.plaster,
    made.brick,
    made.planks,
    made.concrete,
    made.plaster,
)


def _shell(site: SceneBuilder) -> tuple[float, float, float]:
    """Build floor, walls and, at times, a ceiling; return half width, back wall and height."""
    rng, lamps = site.rng, site.lamps
    half, back = lamps.radius_m + rng.uniform(0.5, 2.2), lamps.radius_m + rng.uniform(0.5, 2.2)
    height, front = (
        lamps.centre[2] + lamps.height_m + rng.uniform(0.5, 1.5),
        site.camera.origin[1] - 2,
    )
    site.use("ground", FLOORS[rng.integers(len(FLOORS))])
    site.use("wall", WALLS[rng.integers(len(WALLS))])
    corners = np.array([[[-half, front, 0], [half, front, 0]], [[-half, back, 0], [half, back, 0]]])
    site.add("ground", sheet(corners, corners[..., :2]))
    length, middle = back - front, (back + front) / 2
    site.add("wall", placed(box((2 * half, 0.3, height), upright=True), (0, back + 0.15, 0)))
    for side in (-1, 1):
        site.add(
            "wall",
            placed(box((0.3, length, height), upright=True), (side * (half + 0.15), middle, 0)),
        )
    if rng.random() < 0.6:
        site.add("wall", placed(box((2 * half, length, 0.2), upright=True), (0, middle, height)))
        for y in np.arange(front + 0.5, back, 1.4):
            site.add("wood", beam((-half, y, height - 0.1), (half, y, height - 0.1), 0.2, rng))
    skirting = str(rng.choice(["wood", "stone"]))
    site.add(skirting, placed(box((2 * half, 0.05, 0.16)), (0, back - 0.02, 0)))
    for side in (-1, 1):
        site.add(skirting, placed(box((0.05, length, 0.16)), (side * (half - 0.02), middle, 0)))
    return half, back, height


def _along_walls(site: SceneBuilder, half: float, back: float, height: float) -> None:
    """Hang windows, pictures and curtains; stand shelves and columns against the walls."""
    rng = site.rng
    x = -half + 0.9
    while x < half - 0.8:
        thing = rng.choice(
            ["window", "shelf", "pier", "picture", "none"], p=[0.25, 0.25, 0.2, 0.15, 0.15]
        )
        if thing == "window":
            site.add_all(moved(structures.opening(rng, 0.8, 1.2), (x, back - 0.02, 1.0)))
        elif thing == "shelf":
            site.place(furniture.shelf(rng), x, back - 0.25)
            site.reserve(x, back - 0.25, 0.7)
        elif thing == "pier":
            site.add(
                "stone", placed(box((0.35, 0.35, height), rng, bevel_m=0.03), (x, back - 0.15, 0))
            )
        elif thing == "picture":
            site.add("wood", placed(box((0.8, 0.05, 0.6), rng), (x, back - 0.02, 1.3)))
            site.add("cloth", placed(box((0.68, 0.06, 0.48), rng), (x, back - 0.025, 1.36)))
        x += rng.uniform(1.2, 2.2)
    for side in (-1, 1):
        for y in np.arange(back - 1.2, -1.5, -1.8):
            if rng.random() < 0.45:
                site.place(furniture.shelf(rng), side * (half - 0.25), y, yaw=-side * np.pi / 2)
                site.reserve(side * (half - 0.25), y, 0.7)
            elif rng.random() < 0.4:
                opening = structures.opening(rng, 0.8, 1.2)
                site.add_all(moved(opening, (side * (half - 0.02), y, 1.0), yaw=-side * np.pi / 2))


def room(site: SceneBuilder) -> None:
    """A furnished room."""
    rng = site.rng
    half, back, height = _shell(site)
    if rng.random() < 0.6:
        site.place(furniture.rug(rng), *rng.normal(0, 0.4, 2), yaw=rng.uniform(0, 3), sink_m=0.0)
    dressing.hero(site, dressing.HOUSE_HEROES)
    _along_walls(site, half, back, height)
    dressing.clutter(site, dressing.HOUSEHOLD, int(rng.integers(5, 13)), 1.0, min(half, back) - 0.7)


def store(site: SceneBuilder) -> None:
    """A barn, cellar or warehouse full of goods."""
    rng = site.rng
    half, back, height = _shell(site)
    for x in (-half * 0.55, half * 0.55):
        for y in np.arange(-0.5, back - 0.3, 2.0):
            if rng.random() < 0.6:
                site.add("old_wood", beam((x, y, 0), (x, y, height), 0.22, rng, wobble_m=0.015))
                site.reserve(x, y, 0.25)
    dressing.hero(site, (*dressing.YARD_HEROES, *dressing.HOUSE_HEROES))
    _along_walls(site, half, back, height)
    goods = dressing.YARD if rng.random() < 0.4 else dressing.VILLAGE
    dressing.clutter(site, goods, int(rng.integers(10, 22)), 1.1, min(half, back) - 0.6)
    dressing.debris(site, "old_wood", int(rng.integers(30, 250)), 0.035, 2)
    dressing.fallen_leaves(site, int(rng.integers(100, 1200)), 2.5)
