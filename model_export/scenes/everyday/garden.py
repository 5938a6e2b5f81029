"""Layouts near to plants: flowers, leaves, grass."""

from __future__ import annotations

import numpy as np

from model_export.scenes import plants
from model_export.scenes.everyday import clusters, skies
from model_export.scenes.everyday.bodies import (
    Body,
    Composition,
    Context,
    Rng,
    Thing,
    fitted,
    moved,
    random_turn,
)
from model_export.scenes.everyday.cameras import looking_at
from model_export.scenes.everyday.colors import color_of
from model_export.scenes.everyday.goods import flower_texture
from model_export.scenes.everyday.land import grown, leaf
from model_export.scenes.everyday.props import dressed
from model_export.scenes.everyday.textures import mixture, plain
from model_export.scenes.shapes import rotation, tube
from model_export.scenes.stones import rolling_ground


def blossom(rng: Rng) -> Thing:
    """A flower that looks to the camera, its stalk below."""
    petals, heart = flower_texture(rng), color_of(rng, str(rng.choice(["bread", "earth", "leaf"])))
    bloom = fitted([Body(clusters.flower(rng), petals, float(rng.choice([0, 0.05])), 20.0)])
    middle = fitted([Body(clusters.cluster(rng), plain(rng, heart))])
    bloom += moved(middle, (0, 0, 0.05), size=rng.uniform(0.1, 0.3))
    turn = rotation(rng.normal(0, 0.4), 0, rng.uniform(0.2, 1.4))
    stalk = tube(
        np.array([(0, 0.05, -0.05), (0.05, 0.3, -1), (rng.normal(0, 0.4), 0.4, -3)]), 0.05, 8
    )
    return [*moved(bloom, turn=turn), Body(stalk, plain(rng, color_of(rng, "leaf")))]


def garden(rng: Rng, context: Context) -> Composition:
    """Flowers or leaves that fill the picture, more of them behind."""
    bodies: Thing = []
    leafy = rng.random() < 0.3
    same = blossom(rng)
    for k in range(rng.integers(1, 7)):
        at = (
            (0.0, 0.0, 0.0)
            if k == 0
            else (rng.normal(0, 1.3), rng.uniform(0.2, 2.5), rng.normal(0, 1))
        )
        thing = (
            moved(leaf(rng), (0, 0.5, 0))
            if leafy
            else (same if rng.random() < 0.7 else blossom(rng))
        )
        turn = rotation(rng.normal(0, 0.5), rng.normal(0, 0.3), rng.normal(0, 0.3))
        bodies += moved(thing, at, size=1.0 if k == 0 else rng.uniform(0.5, 1.1), turn=turn)
    for _ in range(rng.integers(0, 14)):
        at = (rng.normal(0, 1.5), rng.uniform(0.3, 2.5), rng.uniform(-2.2, 0.5))
        bodies += moved(leaf(rng), at, size=rng.uniform(0.5, 1.4), turn=random_turn(rng))
    if rng.random() < 0.3:
        bush = fitted(dressed(rng, plants.bush(rng, 1.0)))
        bodies += moved(bush, (rng.normal(0, 0.5), 4.0, -0.5), size=2.5)
    if rng.random() < 0.35:
        flat = rolling_ground(rng, relief_m=0.1, roughness_m=0.02)
        bodies += moved([grown(rng, flat, 2.5)], (0, 1.5, -2.0), size=2.0)
    focus, reach = (rng.normal(0, 0.2), 0, rng.normal(0, 0.2)), rng.uniform(0.6, 1.4)
    night = rng.random() < 0.25
    return Composition(
        layout="garden",
        bodies=bodies,
        camera=looking_at(rng, focus, reach=reach, pitch=float(rng.uniform(-0.2, 0.7))),
        reach=reach,
        grounded=False,
        low_sun=rng.random() < 0.3,
        sky=skies.darkness(rng) if night else skies.blurred_background(rng),
    )


def foliage(rng: Rng, context: Context) -> Composition:
    """A hedge, the crown of a tree or a heap of leaves that fills the picture."""
    bodies: Thing = []
    for _ in range(rng.integers(2, 6)):
        crown = rng.random() < 0.4
        parts = plants.tree(rng, 3.0) if crown else plants.bush(rng, rng.uniform(0.7, 1.3))
        at = (
            rng.normal(0, 0.9),
            rng.uniform(-0.3, 1.5),
            rng.normal(0, 0.4) - (1.6 if crown else 0.4),
        )
        bodies += moved(dressed(rng, parts), at)
    wood = mixture(rng, color_of(rng, "earth"), color_of(rng, "leaf"), scale=0.1)
    bodies.append(Body(clusters.grass(rng, 3, 3000, 0.4), wood))
    reach = rng.uniform(0.6, 1.4)
    return Composition(
        layout="foliage",
        bodies=bodies,
        camera=looking_at(rng, (0, 0, 0.4), reach=reach, pitch=float(rng.uniform(-0.1, 0.6))),
        reach=reach,
        grounded=True,
        low_sun=rng.random() < 0.4,
        sky=skies.open_sky(rng) if rng.random() < 0.6 else skies.blurred_background(rng),
    )
