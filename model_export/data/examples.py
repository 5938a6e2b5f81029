"""Evaluation pairs: a photo and its target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from model_export.data.challenge import ONE_TO_ONE, read_pairs
from model_export.data.sources import MissingData, Picture
from model_export.data.vidit import ViditFolder
from relight.lights import DIRECTIONS, Light


class Example(NamedTuple):
    """One held-out pair."""

    scene: int
    light: Light
    image: Picture
    target: Picture


def examples(
    folder: ViditFolder, target: Light, size_px: int, temperatures_k: Sequence[int]
) -> Iterator[Example]:
    """Yield each scene under every other direction at the given temperatures, with its target."""
    for scene in folder.scenes:
        wanted = folder.picture(scene, target, size_px)
        for direction in DIRECTIONS:
            if direction == target.direction:
                continue
            for temperature_k in temperatures_k:
                light = Light(direction, temperature_k)
                yield Example(scene, light, folder.picture(scene, light, size_px), wanted)


def paired_examples(roots: Sequence[Path], target: Light, size_px: int) -> Iterator[Example]:
    """Yield the pairs of a challenge's one-to-one track.

    Raises:
        MissingData: pictures are missing, or the pairs are of another track or light.
    """
    source, wanted = ONE_TO_ONE
    if target != wanted:
        raise MissingData(f"the one-to-one track's target is {wanted}, not {target}")
    for pair in read_pairs(roots, size_px):
        if pair.guide is not None:
            raise MissingData(
                "these pairs are of the any-to-any track, whose wanted light is a guide's and has"
                " no name"
            )
        yield Example(pair.number, source, pair.image, pair.target)
