"""Figures over all sets, each with the interval that other sets of the same kind may move it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import fmean, median
from typing import Final, NamedTuple

import numpy as np

from model_export.evaluation.real_lights.measuring import PairResult, SetResult

_CONFIDENCE: Final = 0.95
_NUM_RESAMPLES: Final = 2000

Values = Sequence[float]  # of one set


class Figure(NamedTuple):
    """A figure over sets, with its 95 % bootstrap interval where it has one; one set has none."""

    value: float
    interval: tuple[float, float] | None
    num_sets: int


@dataclass(frozen=True, slots=True)
class Measure:
    """How a figure is made.

    Attributes:
        label: its name in tables.
        of_set: the values of one set; empty where the set does not give the measure.
        over_sets: makes the figure of the values of each set.
        has_interval: whether a bootstrap interval holds for it; for an extreme it does not.
    """

    label: str
    of_set: Callable[[SetResult], Values]
    over_sets: Callable[[Sequence[Values]], float]
    has_interval: bool = True


def mean_over_sets(sets: Sequence[Values]) -> float:
    """Return the mean of the sets' means."""
    return fmean(map(fmean, sets))


def median_of_all(sets: Sequence[Values]) -> float:
    """Return the median of all values of all sets."""
    return median(value for values in sets for value in values)


def worst_set(sets: Sequence[Values]) -> float:
    """Return the least of the sets' means."""
    return min(map(fmean, sets))


def _of_pairs(value: Callable[[PairResult], float]) -> Callable[[SetResult], Values]:
    return lambda result: [value(pair) for pair in result.pairs]


def _of_contrast(name: str, part: str) -> Callable[[SetResult], Values]:
    def values(result: SetResult) -> Values:
        contrast = getattr(result, name)
        return [] if contrast is None else [getattr(contrast, part)]

    return values


def _fog(result: SetResult) -> Values:
    return [pair.fog for pair in result.pairs if pair.fog is not None]


def _gain_db(pair: PairResult) -> float:
    return pair.psnr_db - pair.unchanged_db


MEASURES: Final = (
    Measure("PSNR dB", _of_pairs(attrgetter("psnr_db")), mean_over_sets),
    Measure("gain dB", _of_pairs(_gain_db), mean_over_sets),
    Measure("worst dB", _of_pairs(_gain_db), worst_set, has_interval=False),
    Measure("direction", _of_pairs(attrgetter("change.direction")), mean_over_sets),
    Measure("local", _of_pairs(attrgetter("change.local")), mean_over_sets),
    Measure("amount", _of_pairs(attrgetter("change.amount")), mean_over_sets),
    *(
        Measure(f"{name} {part}", _of_contrast(name, part), median_of_all)
        for name in ("hard", "soft", "bright")
        for part in ("r", "slope")
    ),
    Measure("fog", _fog, median_of_all),
)


def figure(measure: Measure, results: Sequence[SetResult]) -> Figure | None:
    """Return a measure over sets; None where no set gives it."""
    sets = [values for result in results if (values := measure.of_set(result))]
    if not sets:
        return None
    return Figure(measure.over_sets(sets), _interval(measure, sets), len(sets))


def _interval(measure: Measure, sets: Sequence[Values]) -> tuple[float, float] | None:
    """Return the percentiles of the figure over sets that are drawn again, with replacement."""
    if len(sets) < 2 or not measure.has_interval:
        return None
    draw = np.random.default_rng(0)
    figures = [
        measure.over_sets([sets[index] for index in draw.integers(len(sets), size=len(sets))])
        for _ in range(_NUM_RESAMPLES)
    ]
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(figures, [tail, 1 - tail])
    return float(low), float(high)
