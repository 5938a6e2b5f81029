"""Reads the pairs of the AIM 2020 and NTIRE 2021 challenges: photos and their targets.

    track 1, one-to-one    train/input/Image007.png   train/target/Image007.png
    its validation         validation/Image300.png    validation_gt/Image300.png
    track 3, any-to-any    input/Pair007.png, guide/Pair007.png    validation_gt/Pair007.png

The folder of a file, or else its archive's name, gives its role: `target` or a name ending in `gt`
for targets, `guide` for photos with the wanted light, any other name for inputs. Names do not state
the lights. Track 1 goes from N at 6500 K to E at 4500 K, track 3 from any light to the guide's.
Track 2 asks for a light and has no targets. The training data of tracks 2 and 3 have lights in
their names (`model_export.data.vidit`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from model_export.data.sources import MissingData, Picture, Source, read_picture
from relight.lights import Light

Role = Literal["input", "target", "guide"]

ONE_TO_ONE: Final = (Light("N", 6500), Light("E", 4500))
_FILE_NAME: Final = re.compile(r"(?:Image|Pair)(\d{3,})\.png")


@dataclass(frozen=True, slots=True)
class ChallengePair:
    """A photo and its target; each (size_px, size_px, 3) sRGB.

    Attributes:
        number: of the scene or the pair.
        image: the photo.
        target: the photo under the wanted light.
        guide: another scene under the wanted light (track 3), or None.
    """

    number: int
    image: Picture
    target: Picture
    guide: Picture | None


def holds_pairs(root: Path) -> bool:
    """Return whether a folder or an archive contains a challenge's pairs.

    Raises:
        MissingData: the path is neither.
    """
    return any(_FILE_NAME.fullmatch(PurePosixPath(name).name) for name in Source(root).names())


def read_pairs(roots: Iterable[Path], size_px: int) -> Iterator[ChallengePair]:
    """Yield the pairs of one set; inputs and targets may be in different archives.

    Raises:
        MissingData: an input or a target lacks its counterpart; a guide lacks both; the set has
            no pair, or two of the same number.
    """
    files = _by_role([Source(root) for root in roots])
    _refuse_incomplete(files)

    def read(role: Role, number: int) -> Picture:
        return read_picture(*files[role][number], size_px)

    for number in sorted(files["input"]):
        guide = read("guide", number) if files["guide"] else None
        yield ChallengePair(number, read("input", number), read("target", number), guide)


def _by_role(sources: list[Source]) -> dict[Role, dict[int, tuple[Source, str]]]:
    files: dict[Role, dict[int, tuple[Source, str]]] = {"input": {}, "target": {}, "guide": {}}
    for source in sources:
        for name in source.names():
            if match := _FILE_NAME.fullmatch(PurePosixPath(name).name):
                known = files[_role(source.root, name)]
                number = int(match[1])
                if number in known:
                    first, also = known[number][1], f"{source.root}/{name}"
                    raise MissingData(f"pair {number} exists twice: {first} and {also}")
                known[number] = (source, name)
    return files


def _role(root: Path, name: str) -> Role:
    for part in (*PurePosixPath(name).parts[-2::-1], root.stem):
        if part in ("input", "guide"):
            return "guide" if part == "guide" else "input"
        if part == "target" or part.endswith("gt"):
            return "target"
    return "input"


def _refuse_incomplete(files: Mapping[Role, Mapping[int, tuple[Source, str]]]) -> None:
    inputs, targets, guides = (set(files[role]) for role in ("input", "target", "guide"))
    if not inputs:
        raise MissingData("there is no Image000.png or Pair000.png that is an input")
    if not targets:
        raise MissingData(
            f"there are {len(inputs)} inputs and no target: the archive of the ground truth"
            " (..._gt.zip) is also needed"
        )
    for number in sorted(inputs ^ targets):
        raise MissingData(f"pair {number} lacks its {'target' if number in inputs else 'input'}")
    for number in sorted((inputs ^ guides) if guides else ()):
        raise MissingData(f"pair {number} lacks its {'guide' if number in inputs else 'input'}")
