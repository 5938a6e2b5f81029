"""Things to keep things in: crates, casks, drums, pots, sacks, pallets.

See `parts` for the manner.
"""

from __future__ import annotations

import numpy as np

from model_export.scenes.parts import Parts, beam, board_row, moved, one_of
from model_export.scenes.shapes import box, lathe, placed, sheet

Rng = np.random.Generator


def crate(rng: Rng) -> Parts:
    """A box of boards in a frame."""
    wood, size = one_of(rng, "wood", "old_wood"), rng.uniform(0.45, 0.85)
    height, half = size * rng.uniform(0.7, 1.1), size / 2
    parts: Parts = [(wood, box((size - 0.06, size - 0.06, height), rng, bevel_m=0.01))]
    for x in (-half, half):
        for y in (-half, half):
            parts.append((wood, beam((x, y, 0), (x, y, height), 0.07, rng)))
    for z in (0.035, height - 0.035):
        for side in (-half, half):
            parts.append((wood, beam((-half, side, z), (half, side, z), 0.07, rng)))
            parts.append((wood, beam((side, -half, z), (side, half, z), 0.07, rng)))
    if rng.random() < 0.6:
        low, high = (-half, -half, 0.04), (half, -half, height - 0.04)
        parts.append((wood, beam(low, high, 0.06, rng)))
    return parts


def barrel(rng: Rng) -> Parts:
    """A cask with iron hoops, at times lying on its side."""
    radius, height = rng.uniform(0.26, 0.38), rng.uniform(0.75, 1.0)
    t = np.linspace(0, 1, 11)
    bulge = radius * (1 - 0.2 * (2 * t - 1) ** 2)
    rim = [(bulge[-1] * 0.9, height), (bulge[-1] * 0.9, height - 0.04)] * 2
    profile = [(0, 0), *zip(bulge, t * height, strict=True), *rim, (0, height - 0.04)]
    staves = 1 + 0.012 * np.cos(np.arange(33) * np.pi)[None, :].repeat(len(profile), 0)
    parts: Parts = [(one_of(rng, "wood", "old_wood"), lathe(np.array(profile), 32, folds=staves))]
    for share in (0.08, 0.3, 0.7, 0.92):
        hoop = radius * (1.02 - 0.2 * (2 * share - 1) ** 2)
        ring = np.array(
            [(hoop, -0.025), (hoop + 0.008, -0.025), (hoop + 0.008, 0.025), (hoop, 0.025)]
        )
        parts.append(("metal", placed(lathe(ring, 32), (0, 0, share * height))))
    if rng.random() < 0.25:
        return moved(parts, (-height / 2, 0, radius), pitch=np.pi / 2)
    return parts


def drum(rng: Rng) -> Parts:
    """A ribbed oil drum, dented."""
    radius, height = 0.29, 0.88
    z = np.linspace(0, height, 25)
    ribs = radius + 0.014 * (np.abs(z[:, None] - np.array([0.3, 0.6])).min(axis=1) < 0.025)
    profile = np.array(
        [(0, 0), (radius, 0), *zip(ribs, z, strict=True)]
        + [(radius, height)] * 2
        + [(radius - 0.02, height)] * 2
        + [(radius - 0.02, height - 0.02)] * 2
        + [(0, height - 0.02)]
    )
    dent = 1 - 0.1 * np.exp(-((np.linspace(-3, 3, 29) - rng.uniform(-2, 2)) ** 2) * 4)
    strength = np.exp(-((profile[:, 1] - rng.uniform(0.2, 0.7)) ** 2) * 40)[:, None]
    folds = 1 + (dent[None] - 1) * strength * rng.uniform(0, 1.2)
    folds[:, -1] = folds[:, 0]
    return [(one_of(rng, "metal", "paint", "glaze"), lathe(profile, 28, folds=folds))]


def pot(rng: Rng) -> Parts:
    """A turned vessel: jar, vase or bowl."""
    radius = rng.uniform(0.14, 0.34)
    curve = np.convolve(np.pad(rng.uniform(0.35, 1.0, 5), 2, "edge"), np.ones(3) / 3, "valid")
    t = np.linspace(0, 1, 16)
    outer = radius * np.interp(t, np.linspace(0, 1, len(curve)), curve)
    height = radius * rng.uniform(1.1, 2.8)
    profile = [(0, 0), (outer[0], 0), *zip(outer, t * height, strict=True)]
    lip = [
        (outer[-1] * 1.12, height),
        (outer[-1] * 1.12, height + 0.02),
        (outer[-1] * 0.85, height),
    ]
    profile += [*lip, (outer[-1] * 0.8, height * 0.75), (0, height * 0.7)]
    return [(one_of(rng, "glaze", "paint", "stone"), lathe(np.array(profile), 28))]


def sack(rng: Rng) -> Parts:
    """A slumped sack, tied at the top."""
    t = np.linspace(0, 1, 14)
    radius = 0.28 * np.sqrt(np.sin(np.pi * np.clip(t * 0.92 + 0.08, 0, 1))) + 0.03
    radius[-3:] = (0.07, 0.06, 0.12)
    height = rng.uniform(0.45, 0.7)
    phase, angle = rng.uniform(0, 6, 3), np.linspace(0, 2 * np.pi, 25)
    folds = 1 + sum(0.05 * np.cos(k * angle + p) for k, p in zip((2, 3, 7), phase, strict=True))
    profile = np.column_stack([np.r_[0, radius, 0], np.r_[0, t, 1] * height])
    mesh = lathe(profile, 24, folds=np.broadcast_to(folds, (len(profile), 25)))
    lean = rng.normal(0, 0.12, 2)
    return [("cloth", placed(mesh, roll=lean[0], pitch=lean[1]))]


def plank_pile(rng: Rng) -> Parts:
    """Boards thrown on a heap."""
    wood, parts = one_of(rng, "wood", "old_wood"), []
    for layer in range(rng.integers(2, 6)):
        length = rng.uniform(1.2, 2.4)
        for board in board_row(rng, int(rng.integers(1, 4)), length, width_m=0.2):
            yaw = rng.normal(0, 0.35) + (layer % 2) * rng.choice([0.2, np.pi / 2])
            parts.append((wood, placed(board, (rng.normal(0, 0.1), 0, 0.045 * layer), yaw=yaw)))
    return parts


def tyres(rng: Rng) -> Parts:
    """A stack of tyres."""
    angle, turn = np.linspace(0, 2 * np.pi, 29), np.linspace(0, 2 * np.pi, 15)
    radius = 0.3 + 0.11 * np.cos(turn)[:, None] * np.ones(29)
    tread = 1 + 0.02 * (np.cos(turn)[:, None] > 0.6) * np.cos(14 * angle)
    ring = np.stack(
        [
            radius * tread * np.cos(angle),
            radius * tread * np.sin(angle),
            np.broadcast_to(0.1 + 0.1 * np.sin(turn)[:, None], radius.shape),
        ],
        axis=-1,
    )
    return [
        ("dark", placed(sheet(ring), (*rng.normal(0, 0.04, 2), 0.195 * k), yaw=rng.uniform(0, 6)))
        for k in range(rng.integers(1, 5))
    ]


def pallets(rng: Rng) -> Parts:
    """A pile of pallets."""
    parts: Parts = []
    for level in range(rng.integers(1, 6)):
        z, yaw = 0.15 * level, rng.normal(0, 0.06)
        boards = [placed(b, (0, 0, 0.11)) for b in board_row(rng, 6, 1.1, width_m=0.17)]
        blocks = [placed(box((0.1, 1.0, 0.1), rng), (x, 0, 0)) for x in (-0.45, 0, 0.45)]
        parts += [("old_wood", placed(mesh, (0, 0, z), yaw=yaw)) for mesh in boards + blocks]
    return parts
