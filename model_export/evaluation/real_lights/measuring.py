"""Measures methods on sets of real photos: each pair, E against W three times, even pictures."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tqdm import tqdm

from model_export.data.sources import MissingData
from model_export.evaluation.real_lights.evenness import unevenness
from model_export.evaluation.real_lights.lamps import Vector
from model_export.evaluation.real_lights.measures import (
    Change,
    Contrast,
    change_of_light,
    contrast,
    fog,
    psnr_after_gain,
)
from model_export.evaluation.real_lights.methods import LightMethod
from model_export.evaluation.real_lights.sets import SIDES, EvaluationPair, LitSet, Pixels
from model_export.evaluation.real_lights.soft_light import (
    LEAST_LAMPS,
    in_soft_light,
)


@dataclass(frozen=True, slots=True)
class PairResult:
    """The measures of one answer; see `measures`.

    Attributes:
        pair: the requested relighting.
        unchanged_db: PSNR of the unchanged photo, after its best gain.
        psnr_db: that of the answer.
        change: how the light moved.
        fog: how many times brighter the background became; None where there is none.
    """

    pair: EvaluationPair
    unchanged_db: float
    psnr_db: float
    change: Change
    fog: float | None


@dataclass(frozen=True, slots=True)
class SetResult:
    """The measures of a method on one set.

    Attributes:
        name: the set's.
        pairs: each pair.
        hard: E against W of a photo of the set; None where it has no lamp from both.
        soft: E against W of the object in soft light; None where a mask or lamps are lacking.
        bright: the same before bright surroundings.
    """

    name: str
    pairs: Sequence[PairResult]
    hard: Contrast | None
    soft: Contrast | None
    bright: Contrast | None


@dataclass(slots=True)
class MethodResult:
    """The measures of a method on all sets.

    Attributes:
        name: the method's.
        sets: each set.
        unevenness: of each even picture, from each side.
        cpu_s: seconds of CPU for each photo of a set.
    """

    name: str
    sets: list[SetResult] = field(default_factory=list)
    unevenness: dict[str, list[float]] = field(default_factory=dict)
    cpu_s: list[float] = field(default_factory=list)


def measure(
    sets: Iterable[LitSet],
    methods: Sequence[LightMethod],
    even: Mapping[str, Pixels],
    *,
    softness: float | None = None,
) -> list[MethodResult]:
    """Measure each method on the same sets and the same even pictures.

    Args:
        sets: the sets; one without a pair is left out.
        methods: what to measure.
        even: even pictures by name, to be asked for from E, W and S.
        softness: of the lamps asked for; None: each method's default.

    Raises:
        MissingData: no set has a pair.
    """
    results = [MethodResult(method.name) for method in methods]
    asking = [_Asking(m, r, softness) for m, r in zip(methods, results, strict=True)]
    for lit in tqdm(sets, desc="measuring", unit="set"):
        if not lit.pairs:
            tqdm.write(f"{lit.name} is left out: it has no pair from E, W or S", file=sys.stderr)
            continue
        photos = _contrast_photos(lit)
        for ask in asking:
            ask.result.sets.append(_measure_set(lit, photos, ask))
    if not all(result.sets for result in results):
        raise MissingData("no set has a pair from E, W or S")
    for ask in asking:
        ask.result.unevenness = {
            name: [unevenness(photo, ask.plainly(photo, side)) for side in SIDES]
            for name, photo in even.items()
        }
    return results


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks a method and notes the time."""

    method: LightMethod
    result: MethodResult
    softness: float | None

    def __call__(self, photo: Pixels, side: str, lamp: Vector) -> Pixels:
        began_s = time.process_time()
        output = self.method.relight(photo, self.method.light_for(side, lamp), self.softness)
        self.result.cpu_s.append(time.process_time() - began_s)
        return output

    def plainly(self, photo: Pixels, side: str) -> Pixels:
        """Ask for a direction that no real lamp stands for."""
        return self.method.relight(photo, self.method.light_for(side), self.softness)


class _ContrastPhotos(NamedTuple):
    """The photos on which E is measured against W; None if a set lacks one."""

    hard: Pixels | None = None
    soft: Pixels | None = None
    bright: Pixels | None = None


def _contrast_photos(lit: LitSet) -> _ContrastPhotos:
    if lit.contrast_input is None:
        return _ContrastPhotos()
    hard = lit.pictures[lit.contrast_input]
    if lit.object_mask is None or len(lit.lights) < LEAST_LAMPS:
        return _ContrastPhotos(hard)
    return _ContrastPhotos(hard, *in_soft_light(lit))


def _measure_set(lit: LitSet, photos: _ContrastPhotos, ask: _Asking) -> SetResult:
    pairs = [_measure_pair(lit, pair, ask) for pair in lit.pairs]
    return SetResult(lit.name, pairs, *(_measure_contrast(lit, photo, ask) for photo in photos))


def _measure_pair(lit: LitSet, pair: EvaluationPair, ask: _Asking) -> PairResult:
    photo, target = lit.pictures[pair.input], lit.pictures[pair.target]
    output = ask(photo, pair.side, lit.lights[pair.target])
    return PairResult(
        pair,
        unchanged_db=psnr_after_gain(photo, target, lit.mask),
        psnr_db=psnr_after_gain(output, target, lit.mask),
        change=change_of_light(photo, output, target, lit.mask),
        fog=fog(photo, output, lit.object_mask),
    )


def _measure_contrast(lit: LitSet, photo: Pixels | None, ask: _Asking) -> Contrast | None:
    if photo is None:
        return None
    targets = {side: lit.targets[side] for side in ("E", "W")}
    shown = [ask(photo, side, lit.lights[target]) for side, target in targets.items()]
    return contrast(shown, [lit.pictures[target] for target in targets.values()], lit.mask)
