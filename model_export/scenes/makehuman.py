"""Makes `everyday/heads.npz`, a linear model of the forms of heads, from MakeHuman's data.

    python -m model_export.scenes.makehuman base.obj targets.npz

`base.obj` is the base mesh (hm08) and `targets.npz` the morph targets, which the PyPI package
`makehuman` holds. MakeHuman's team has released both as CC0 1.0 (https://www.makehumancommunity.org).
Heads are drawn at random from the targets, and their principal components are kept: a new head is
the mean plus normal coefficients times the components.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from model_export.scenes.description import FloatArray, IntArray

HEADS: Final = Path(__file__).parent / "everyday" / "heads.npz"

_NUM_COMPONENTS = 80
_LOWEST, _WIDEST = 5.8, 0.97  # of what is kept of the body, in the units of the base mesh
_NECK = 6.45  # vertices above it make up the head
_FACE_PARTS: Final = (
    "head",
    "nose",
    "mouth",
    "chin",
    "cheek",
    "eyes",
    "eyebrows",
    "forehead",
    "neck",
    "ears",
)
_OPPOSITES: Final = (
    ("decr", "incr"), ("in", "out"), ("down", "up"), ("backward", "forward"),
    ("concave", "convex"), ("compress", "uncompress"), ("angle-down", "angle-up"),
)  # fmt: skip


class _Targets:
    """Morph targets by name: sparse displacements of vertices."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        wanted = {"macrodetails", "asym", "expression", *_FACE_PARTS}
        keys = (key for key in stored if key.endswith(".index"))
        names = (key.removeprefix("targets/").removesuffix(".index") for key in keys)
        self.names = [name for name in names if name.split("/")[0] in wanted]
        self._displacements = {
            name: (
                stored[f"targets/{name}.index"].astype(int),
                stored[f"targets/{name}.vector"].reshape(-1, 3) * 1e-3,
            )
            for name in self.names
        }

    def add(self, positions: FloatArray, name: str, weight: float) -> None:
        """Displace positions (n, 3) by a share of a target."""
        index, vector = self._displacements[name]
        positions[index] += weight * vector


def _read_base(path: Path) -> tuple[FloatArray, dict[str, list[list[int]]]]:
    """Return vertices (n, 3) and the faces of each group of a Wavefront file."""
    vertices: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    faces: list[list[int]] = []
    for line in path.read_text().splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in values[:3]])
        elif kind == "g":
            faces = groups.setdefault(values[0], [])
        elif kind == "f":
            faces.append([int(value.split("/")[0]) - 1 for value in values])
    return np.array(vertices), groups


def _draw_people(rng: np.random.Generator, positions: FloatArray, targets: _Targets) -> None:
    """Mix ancestry, sex, age, weight and muscle."""
    ancestry = zip(("african", "asian", "caucasian"), rng.dirichlet([0.4] * 3), strict=True)
    sex = {"female": (share := float(rng.beta(0.5, 0.5))), "male": 1 - share}
    ages = dict(zip(("child", "young", "old"), rng.dirichlet([0.25, 0.6, 0.4]), strict=True))
    weights = _between("weight", rng.beta(1.5, 1.5))
    muscles = _between("muscle", rng.beta(1.5, 1.5))
    people = [(s, a, ws * wa) for s, ws in sex.items() for a, wa in ages.items()]
    for name, share in ancestry:
        for s, a, w in people:
            targets.add(positions, f"macrodetails/{name}-{s}-{a}", share * w)
    for s, a, w in people:
        for muscle, wm in muscles.items():
            for weight, ww in weights.items():
                targets.add(
                    positions, f"macrodetails/universal-{s}-{a}-{muscle}-{weight}", w * wm * ww
                )


def _between(name: str, amount: float) -> dict[str, float]:
    """Return the shares of the least, mean and greatest form for an amount in [0, 1]."""
    away = 2 * amount - 1
    return {
        f"min{name}": max(0.0, -away),
        f"average{name}": 1 - abs(away),
        f"max{name}": max(0.0, away),
    }


def _draw_details(rng: np.random.Generator, positions: FloatArray, targets: _Targets) -> None:
    """Change each feature a little, alike on both sides, and the expression."""
    drawn: dict[str, float] = {}
    for name in targets.names:
        part, _, detail = name.partition("/")
        if part in _FACE_PARTS:
            amount = _amount(detail.removeprefix("l-").removeprefix("r-"), drawn, rng)
            targets.add(positions, name, float(np.clip(amount + rng.normal(0, 0.04), 0, 1)))
        elif part == "asym":
            targets.add(positions, name, float(rng.uniform(0, 0.15)))
        elif name.startswith("expression/units/caucasian/") and rng.random() < 0.12:
            targets.add(positions, name, float(rng.uniform(0.1, 0.9)))


def _amount(detail: str, drawn: dict[str, float], rng: np.random.Generator) -> float:
    """Return how much of a target to take; of two opposites one is 0."""
    for less, more in _OPPOSITES:
        for end, sign in ((less, -1), (more, 1)):
            if detail.endswith(f"-{end}"):
                axis = f"{detail.removesuffix(end)}{less}"
                drawn.setdefault(axis, float(np.clip(rng.normal(0, 0.33), -1, 1)))
                return max(0.0, sign * drawn[axis])
    return drawn.setdefault(detail, float(rng.uniform(0, 0.5) * (rng.random() < 0.25)))


def _normalised(positions: FloatArray, of_head: IntArray) -> FloatArray:
    """Centre a head and scale it so that its chin lies at z = -1 and its crown at z = 1.

    MakeHuman's axes are x to the left of the person, y up, z to the front; ours have z up and the
    front at -y.
    """
    head = positions[of_head]
    low, high = head.min(axis=0), head.max(axis=0)
    x, y, z = ((positions - (low + high) / 2) * 2 / (high - low)[1]).T
    return np.stack([x, -z, y], axis=1)


def build(
    base: Path, targets_file: Path, out: Path, *, num_heads: int = 2500, seed: int = 0
) -> None:
    """Write the model of heads.

    Args:
        base: MakeHuman's base mesh.
        targets_file: its morph targets.
        out: file to write.
        num_heads: how many to draw.
        seed: of their forms.
    """
    vertices, groups = _read_base(base)
    quads = np.array(groups["body"])
    inside = (vertices[:, 1] > _LOWEST) & (np.abs(vertices[:, 0]) < _WIDEST)
    quads = quads[inside[quads].all(axis=1)]
    eyes = [np.unique(groups[f"helper-{side}-eye"]) for side in "rl"]
    kept = np.concatenate([np.unique(quads), *eyes])
    skin = len(kept) - sum(len(eye) for eye in eyes)
    of_head = np.flatnonzero(vertices[kept[:skin], 1] > _NECK)
    with np.load(targets_file) as stored:
        targets = _Targets(stored)
    rng = np.random.default_rng(seed)
    heads = np.empty((num_heads, len(kept) * 3), np.float32)
    for row in heads:
        positions = vertices.copy()
        _draw_people(rng, positions, targets)
        _draw_details(rng, positions, targets)
        row[:] = _normalised(positions[kept], of_head).ravel()
    mean = heads.mean(axis=0)
    values, vectors = np.linalg.eigh((heads - mean) @ (heads - mean).T)
    best = np.argsort(values)[::-1][:_NUM_COMPONENTS]
    components = vectors[:, best].T @ (heads - mean) / np.sqrt(num_heads)
    print(f"kept {values[best].sum() / values.sum():.1%} of the variance of {num_heads} heads")
    scales = np.abs(components).max(axis=1, keepdims=True)
    places = np.full(len(vertices), -1)
    places[kept[:skin]] = np.arange(skin)
    split = places[quads]
    np.savez_compressed(
        out,
        mean=mean.reshape(-1, 3),
        components=np.round(components / scales * 127).astype(np.int8).reshape(len(best), -1, 3),
        scales=(scales[:, 0] / 127).astype(np.float32),
        faces=np.concatenate([split[:, :3], split[:, [0, 2, 3]]]).astype(np.uint16),
        num_skin=skin,
    )


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path, help="MakeHuman's base.obj")
    parser.add_argument("targets", type=Path, help="its targets.npz")
    parser.add_argument("-o", "--out", type=Path, default=HEADS)
    options = parser.parse_args()
    build(options.base, options.targets, options.out)


if __name__ == "__main__":
    main()
