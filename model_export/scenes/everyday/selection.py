"""Which thing comes up where: things that stand upright, each fitted into [-1, 1]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from model_export.scenes.everyday import food, goods, tableware
from model_export.scenes.everyday.animals import beast, bird
from model_export.scenes.everyday.bodies import Rng, Thing, fitted, moved, random_turn
from model_export.scenes.everyday.figurines import drape, figurine
from model_export.scenes.everyday.things import shape

Maker = Callable[[Rng], Thing]

_STANDING: Mapping[Maker, float] = MappingProxyType(
    {
        tableware.cup: 0.15,
        tableware.bottle: 0.12,
        tableware.pot: 0.07,
        tableware.bowl: 0.05,
        food.meal: 0.13,
        food.fruit: 0.12,
        food.bread: 0.05,
        food.cake: 0.04,
        goods.books: 0.06,
        goods.shoe: 0.06,
        goods.plush: 0.04,
        goods.bouquet: 0.06,
        goods.lamp: 0.03,
        goods.car: 0.03,
        goods.figure: 0.03,
        beast: 0.03,
        bird: 0.03,
        figurine: 0.2,
        drape: 0.05,
    }
)


def standing_thing(rng: Rng) -> Thing:
    """Draw a thing of the kitchen, the shop or the shelf, upright."""
    makers, weights = list(_STANDING), np.array(list(_STANDING.values()))
    return fitted(makers[rng.choice(len(makers), p=weights / weights.sum())](rng))


def any_thing(rng: Rng) -> Thing:
    """Draw a thing people know, or an abstract one, turned at random."""
    if rng.random() < 0.62:
        return standing_thing(rng)
    return moved(shape(rng), turn=random_turn(rng))
