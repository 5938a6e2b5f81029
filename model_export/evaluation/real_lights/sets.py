"""Sets of real photos: one still scene under several lamps, one after another.

    FOLDER/SET/lights.json   {"01.png": [x, y, z], ...}: unit vectors from the scene to the lamp
    FOLDER/SET/*.png         the photos; one that `lights.json` does not name is evenly lit
    FOLDER/SET/mask.png      white = the object to measure on; without it the whole picture

Each set shows how a photo under one lamp looks under another one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from model_export.data.sources import MissingData
from model_export.evaluation.real_lights.lamps import RING, Vector

Pixels = npt.NDArray[np.float32]  # (h, w, 3), sRGB codes 0 to 1
Mask = npt.NDArray[np.bool_]  # (h, w)

SIDES: Final = ("E", "W", "S")  # the directions that real lamps stand in: in front of the scene

_LIGHTS: Final = "lights.json"
_MASK: Final = "mask.png"
_LEAST_SIDEWAYS: Final = 0.23  # |x| of a lamp that counts as one from E or W
_MOST_SIDEWAYS: Final = 0.25  # |x| of a lamp that counts as one from S
_MOST_INPUTS: Final = 3  # for one target


@dataclass(frozen=True, slots=True)
class EvaluationPair:
    """One question: the photo `input`, relit from `side`, should look like `target`."""

    input: str
    target: str
    side: str


@dataclass(frozen=True, slots=True, eq=False)
class LitSet:
    """One still scene under several lamps.

    Attributes:
        name: the folder's name.
        pictures: by file name, float32 (h, w, 3), sRGB codes 0 to 1, all of one size.
        lights: by file name, the unit vector to the lamp of that picture.
        object_mask: (h, w), the object to measure on; None where no mask is given.
    """

    name: str
    pictures: Mapping[str, Pixels]
    lights: Mapping[str, Vector]
    object_mask: Mask | None

    @property
    def mask(self) -> Mask:
        """The pixels to measure on, (h, w): the object, or the whole picture."""
        if self.object_mask is not None:
            return self.object_mask
        return np.ones(next(iter(self.pictures.values())).shape[:2], bool)

    @property
    def targets(self) -> Mapping[str, str]:
        """The picture that shows light from E, from W and from S, where there is one.

        A lamp counts as one from E where its x is above .23, from W where it is below -.23, and
        from S where |x| is below .25. Of these the one nearest to VIDIT's lamp of that
        direction, at an elevation of 45 degrees, is taken.
        """
        x = {name: light[0] for name, light in self.lights.items()}
        fitting = {
            "E": [name for name in x if x[name] > _LEAST_SIDEWAYS],
            "W": [name for name in x if x[name] < -_LEAST_SIDEWAYS],
            "S": [name for name in x if abs(x[name]) < _MOST_SIDEWAYS],
        }
        return {
            side: max(fitting[side], key=lambda name: float(self.lights[name] @ RING[side]))
            for side in SIDES
            if fitting[side]
        }

    @property
    def pairs(self) -> Sequence[EvaluationPair]:
        """The pairs to measure: each target from at most three inputs.

        The inputs are the other targets, then the evenly lit pictures by name.
        """
        targets = self.targets
        even = sorted(set(self.pictures) - set(self.lights))
        pairs = []
        for side, target in targets.items():
            inputs = [name for other, name in targets.items() if other != side] + even
            pairs += [EvaluationPair(name, target, side) for name in inputs[:_MOST_INPUTS]]
        return pairs

    @property
    def contrast_input(self) -> str | None:
        """The picture to ask for E and for W: neither of the two targets where there is another.

        None where the set has no lamp from E or none from W.
        """
        targets = self.targets
        if "E" not in targets or "W" not in targets:
            return None
        ends = (targets["E"], targets["W"])
        others = [pair.input for pair in self.pairs if pair.side != "S" and pair.input not in ends]
        return others[0] if others else targets["E"]


def read_sets(folder: Path, without: Sequence[str] = ()) -> Iterator[LitSet]:
    """Yield the sets of a folder by name, each read when it is needed.

    Args:
        folder: holds one folder for each set.
        without: names of sets to leave out.

    Raises:
        MissingData: the folder holds no set, or a set lacks a file or has a malformed one.
    """
    roots = sorted(path.parent for path in folder.glob(f"*/{_LIGHTS}"))
    if unknown := set(without) - {root.name for root in roots}:
        raise MissingData(f"{folder} holds no set {', '.join(sorted(unknown))}")
    roots = [root for root in roots if root.name not in without]
    if not roots:
        raise MissingData(f"{folder} holds no set: no folder with a {_LIGHTS}")
    return map(read_set, roots)


def read_set(root: Path) -> LitSet:
    """Read one set.

    Raises:
        MissingData: a picture is missing, damaged or of another size, or `lights.json` is
            malformed.
    """
    lights = _read_lights(root / _LIGHTS)
    files = {path.name: path for path in sorted(root.glob("*.png")) if path.name != _MASK}
    if missing := set(lights) - set(files):
        raise MissingData(f"{root} lacks {', '.join(sorted(missing))}, which {_LIGHTS} names")
    pictures = {name: read_srgb(path) for name, path in files.items()}
    sizes = {picture.shape[:2] for picture in pictures.values()}
    if len(sizes) != 1:
        raise MissingData(f"{root} must hold pictures of one size, not of {len(sizes)}")
    ((height_px, width_px),) = sizes
    mask = None
    if (root / _MASK).exists():
        level = read_srgb(root / _MASK)[..., 0]
        mask = cv2.resize(level, (width_px, height_px), interpolation=cv2.INTER_AREA) > 0.5
    return LitSet(root.name, pictures, lights, mask)


def read_srgb(path: Path) -> Pixels:
    """Return a picture of 8 or 16 bits as float32 (h, w, 3), sRGB codes 0 to 1; alpha is dropped.

    Raises:
        MissingData: the file is missing or no picture.
    """
    content = np.frombuffer(path.read_bytes(), np.uint8) if path.is_file() else np.empty(0)
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH
    codes = cv2.imdecode(content, flags) if content.size else None
    white = {"uint8": 2**8 - 1, "uint16": 2**16 - 1}
    if codes is None or codes.dtype.name not in white:
        raise MissingData(f"{path} is missing or no picture of 8 or 16 bits")
    return np.asarray(codes, np.float32) / np.float32(white[codes.dtype.name])


def _read_lights(path: Path) -> dict[str, Vector]:
    try:
        given = json.loads(path.read_text())
        vectors = {str(name): np.array(light, np.float64) for name, light in given.items()}
        lengths = {name: float(np.linalg.norm(vector)) for name, vector in vectors.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise MissingData(f"{path} does not map names to vectors: {error}") from None
    for name, vector in vectors.items():
        if vector.shape != (3,) or not 0.9 < lengths[name] < 1.1:
            raise MissingData(f"{path}: {name} needs a unit vector (x, y, z), not {given[name]}")
    return {name: vector / lengths[name] for name, vector in vectors.items()}
