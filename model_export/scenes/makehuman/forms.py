"""Draws people: ancestry, sex, age, weight, muscle and height, then each feature."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.makehuman.assets import Assets

FACE_PARTS: Final = frozenset(
    ("head", "nose", "mouth", "chin", "cheek", "eyes", "eyebrows", "forehead", "neck", "ears")
)
BODY_PARTS: Final = frozenset(
    ("arms", "legs", "torso", "hip", "stomach", "pelvis", "buttocks", "hands", "feet")
)
_OPPOSITES: Final = (
    ("decr", "incr"), ("in", "out"), ("down", "up"), ("backward", "forward"),
    ("concave", "convex"), ("compress", "uncompress"), ("angle-down", "angle-up"),
)  # fmt: skip
_EXPRESSIONS: Final = "expression/units/caucasian/"


@dataclass(frozen=True, slots=True)
class _Build:
    """Shares of the extreme forms that a person is a mixture of; each mapping sums to 1."""

    sexes: dict[str, float]
    ages: dict[str, float]
    muscles: dict[str, float]
    weights: dict[str, float]


def draw_build(
    rng: np.random.Generator, positions: FloatArray, assets: Assets, *, whole: bool
) -> None:
    """Mix ancestry, sex, age, weight and muscle; of whole bodies, height and proportions as well.

    Args:
        rng: source of chance.
        positions: (n, 3), of the base mesh; changed in place.
        assets: source of the morph targets.
        whole: whether height and proportions count.
    """
    ancestry = zip(("african", "asian", "caucasian"), rng.dirichlet([0.4] * 3), strict=True)
    sexes = {"female": (share := float(rng.beta(0.5, 0.5))), "male": 1 - share}
    ages = dict(zip(("child", "young", "old"), rng.dirichlet([0.25, 0.6, 0.4]), strict=True))
    muscles = _between("muscle", rng.beta(1.5, 1.5))
    build = _Build(sexes, ages, muscles, _between("weight", rng.beta(1.5, 1.5)))
    people = [(sex, age, ws * wa) for sex, ws in sexes.items() for age, wa in ages.items()]
    for name, share in ancestry:
        for sex, age, weight in people:
            assets.displace(positions, f"macrodetails/{name}-{sex}-{age}", share * weight)
    _displace_mixed(positions, assets, "macrodetails/universal-", build, {"": 1.0})
    if whole:
        heights = {"-minheight": 0.0, "-maxheight": 0.0}
        heights[str(rng.choice(list(heights)))] = float(rng.beta(1, 3))
        _displace_mixed(positions, assets, "macrodetails/height/", build, heights)
        ideal = {"-idealproportions": float(rng.random() * (rng.random() < 0.5))}
        _displace_mixed(positions, assets, "macrodetails/proportions/", build, ideal)


def draw_details(
    rng: np.random.Generator, positions: FloatArray, assets: Assets, parts: Collection[str]
) -> None:
    """Change each feature of some parts a little, alike on both sides, and the expression.

    Args:
        rng: source of chance.
        positions: (n, 3), of the base mesh; changed in place.
        assets: source of the morph targets.
        parts: of `FACE_PARTS` and `BODY_PARTS`.
    """
    drawn: dict[str, float] = {}
    for name in assets.targets:
        part, _, detail = name.partition("/")
        if part in parts:
            amount = _amount(detail.removeprefix("l-").removeprefix("r-"), drawn, rng)
            assets.displace(positions, name, float(np.clip(amount + rng.normal(0, 0.04), 0, 1)))
        elif part == "asym":
            assets.displace(positions, name, float(rng.uniform(0, 0.15)))
        elif name.startswith(_EXPRESSIONS) and rng.random() < 0.12:
            assets.displace(positions, name, float(rng.uniform(0.1, 0.9)))


def _displace_mixed(
    positions: FloatArray, assets: Assets, start: str, build: _Build, ends: dict[str, float]
) -> None:
    """Mix the targets that exist for every sex, age, muscle and weight."""
    for sex, ws in build.sexes.items():
        for age, wa in build.ages.items():
            for muscle, wm in build.muscles.items():
                for weight, ww in build.weights.items():
                    for end, share in ends.items():
                        if amount := ws * wa * wm * ww * share:
                            name = f"{start}{sex}-{age}-{muscle}-{weight}{end}"
                            assets.displace(positions, name, amount)


def _between(name: str, amount: float) -> dict[str, float]:
    """Return the shares of the least, mean and greatest form for an amount in [0, 1]."""
    away = 2 * amount - 1
    return {
        f"min{name}": max(0.0, -away),
        f"average{name}": 1 - abs(away),
        f"max{name}": max(0.0, away),
    }


def _amount(detail: str, drawn: dict[str, float], rng: np.random.Generator) -> float:
    """Return how much of a target to take; of two opposites one is 0."""
    for less, more in _OPPOSITES:
        for end, sign in ((less, -1), (more, 1)):
            if detail.endswith(f"-{end}"):
                axis = f"{detail.removesuffix(end)}{less}"
                drawn.setdefault(axis, float(np.clip(rng.normal(0, 0.33), -1, 1)))
                return max(0.0, sign * drawn[axis])
    return drawn.setdefault(detail, float(rng.uniform(0, 0.5) * (rng.random() < 0.25)))
