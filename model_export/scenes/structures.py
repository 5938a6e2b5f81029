"""What is built where it stands: fences, walls, columns, arches, stairs, houses, trusses."""

from __future__ import annotations

import numpy as np

from model_export.scenes.description import FloatArray, Mesh
from model_export.scenes.parts import Parts, beam, board_row, moved, rope
from model_export.scenes.shapes import box, lathe, merged, placed, sheet, tube
from model_export.scenes.stones import HeightField, boulder

Rng = np.random.Generator


def fence(
    rng: Rng, start: tuple[float, float], end: tuple[float, float], ground: HeightField
) -> Parts:
    """Put up a weathered fence between two points: rails, boards or ropes; some are broken."""
    style = rng.choice(["rails", "pickets", "ropes"], p=[0.5, 0.3, 0.2])
    span = np.subtract(end, start)
    count = max(2, int(np.hypot(*span) / 1.5))
    feet = np.array(start) + span * np.linspace(0, 1, count + 1)[:, None]
    feet += rng.normal(0, 0.05, feet.shape)
    feet3 = np.column_stack([feet, ground(feet[:, 0], feet[:, 1])])
    height, parts = rng.uniform(0.8, 1.2), []
    tops = feet3 + np.column_stack(
        [rng.normal(0, 0.06, (count + 1, 2)), np.full(count + 1, height)]
    )
    for foot, top in zip(feet3, tops, strict=True):
        parts.append(("old_wood", beam(foot - [0, 0, 0.2], top, 0.1, rng, wobble_m=0.014)))
    for k in range(count):
        for share in (0.4, 0.82):
            a, b = feet3[k : k + 2] + (tops[k : k + 2] - feet3[k : k + 2]) * share
            if style == "ropes":
                parts.append(("rope", rope(a, b, rng.uniform(0.05, 0.25))))
                continue
            if rng.random() < 0.12:  # one end has come down
                b = b - [0, 0, share * height * 0.9]
            along = (b - a) * 0.06
            rail = beam(a - along, b + along, 0.04, rng, depth_m=0.11, wobble_m=0.01)
            parts.append(("old_wood", rail))
        if style == "pickets":
            parts += _pickets(rng, feet3[k], feet3[k + 1], height)
    return parts


def _pickets(rng: Rng, start: FloatArray, end: FloatArray, height_m: float) -> Parts:
    """Nail upright slats between two posts; a few are missing."""
    parts: Parts = []
    for t in np.arange(0.06, 1, 0.13):
        if rng.random() < 0.9:
            foot = start * (1 - t) + end * t + [0, -0.04, 0.03]
            lean = rng.normal(0, 0.025, 2)
            top = foot + np.array([*lean, height_m * rng.uniform(0.88, 1.05)])
            parts.append(("old_wood", beam(foot, top, 0.09, rng, depth_m=0.025)))
    return parts


def dry_wall(rng: Rng, length_m: float, height_m: float) -> Parts:
    """Lay a ruined wall of rough blocks along x; stones from its top lie about it."""
    steps = np.cumsum(rng.normal(0, 0.16, 40))
    top = height_m * np.clip(0.75 + 0.5 * (steps - steps.mean()), 0.2, 1.1)
    top_x = np.linspace(-length_m / 2, length_m / 2, 40)
    parts: Parts = []
    z = 0.0
    while z < height_m:
        tall, x = rng.uniform(0.16, 0.28), -length_m / 2 + rng.uniform(-0.2, 0.0)
        while x < length_m / 2:
            wide = rng.uniform(0.25, 0.6)
            if z < np.interp(x, top_x, top):
                size = (wide * 0.98, 0.42 * rng.uniform(0.85, 1.1), tall * 0.99)
                block = box(size, rng, bevel_m=0.045, wobble_m=0.018)
                at = (x + wide / 2, rng.normal(0, 0.02), z - 0.06)
                parts.append(("stone", placed(block, at, yaw=rng.normal(0, 0.03))))
            x += wide
        z += tall
    for _ in range(rng.integers(0, 7)):
        at = (rng.uniform(-0.5, 0.5) * length_m, rng.choice([-1, 1]) * rng.uniform(0.4, 1.1), -0.04)
        block = box((0.4, 0.3, 0.24), rng, bevel_m=0.045, wobble_m=0.02)
        parts.append(("stone", placed(block, at, yaw=rng.uniform(0, 6), roll=rng.normal(0, 0.25))))
    return parts


def column(rng: Rng, height_m: float, width_m: float) -> Parts:
    """Raise a fluted, round or square column; at times broken off."""
    style, broken = rng.choice(["fluted", "round", "square"]), rng.random() < 0.3
    parts: Parts = [
        ("stone", box((1.5 * width_m, 1.5 * width_m, 0.2), rng, bevel_m=0.03)),
        (
            "stone",
            placed(box((1.25 * width_m, 1.25 * width_m, 0.12), rng, bevel_m=0.05), (0, 0, 0.2)),
        ),
    ]
    shaft = height_m * (rng.uniform(0.3, 0.8) if broken else 1.0)
    if style == "square":
        z = 0.32
        while z < shaft:
            drum = box((width_m, width_m, 0.45), rng, bevel_m=0.025, wobble_m=0.006)
            parts.append(("stone", placed(drum, (0, 0, z), yaw=rng.normal(0, 0.02))))
            z += 0.45
        top = z
    else:
        t, angle = np.linspace(0, 1, 9), np.linspace(0, 2 * np.pi, 61)
        radius = width_m / 2 * (1 - 0.14 * t**1.6)
        profile = np.column_stack([np.r_[radius, radius[-1], 0], np.r_[t, 1, 1] * shaft])
        depth = 0.05 if style == "fluted" else 0.0
        folds = np.broadcast_to(1 - depth * np.abs(np.cos(10 * angle)), (len(profile), 61))
        parts.append(("stone", placed(lathe(profile, 60, folds=folds), (0, 0, 0.32))))
        top = 0.32 + shaft
    if broken:
        lump = boulder(rng, width_m * 0.52, detail=3, flatness=0.4)
        parts.append(("stone", placed(lump, (0, 0, top - 0.18 * width_m))))
    else:
        parts += [
            (
                "stone",
                placed(box((s * width_m, s * width_m, 0.13), rng, bevel_m=0.04), (0, 0, top + z)),
            )
            for s, z in ((1.1, 0.0), (1.35, 0.13))
        ]
    return parts


def arch(rng: Rng, width_m: float, pier_m: float) -> Parts:
    """Span two piers of blocks with an arch of wedge stones."""
    parts: Parts = []
    depth, half = rng.uniform(0.5, 0.9), width_m / 2
    for side in (-1, 1):
        for z in np.arange(0, pier_m, 0.32):
            block = box((0.62, depth, 0.325), rng, bevel_m=0.03, wobble_m=0.01)
            parts.append(("stone", placed(block, (side * (half + 0.3), 0, z))))
    count = 11
    for k in range(count):
        angle = np.pi * (k + 0.5) / count
        wide = np.pi * (half + 0.25) / count
        block = placed(box((wide, depth, 0.5), rng, bevel_m=0.03, wobble_m=0.01), (0, 0, half))
        parts.append(("stone", placed(block, (0, 0, pier_m), pitch=np.pi / 2 - angle)))
    return parts


def stairs(rng: Rng, width_m: float, num_steps: int) -> Parts:
    """Lay worn steps that rise away from the camera."""
    parts: Parts = []
    for k in range(num_steps):
        step = box((width_m, 0.36, 0.17 * (k + 1)), rng, bevel_m=0.03, wobble_m=0.008)
        parts.append(("stone", placed(step, (0, 0.33 * k, -0.02))))
    for side in (-1, 1):
        cheek = box((0.25, 0.33 * num_steps + 0.3, 0.4), rng, bevel_m=0.03)
        parts.append(("stone", placed(cheek, (side * (width_m / 2 + 0.1), 0.16 * num_steps, 0))))
    return parts


def stage(rng: Rng) -> Parts:
    """Build a platform of boards on logs, with a hand rail on one side."""
    width, length = rng.uniform(1.2, 1.9), rng.uniform(2.5, 3.6)
    height = rng.uniform(0.25, 0.55)
    boards = board_row(rng, int(length / 0.19), width, width_m=0.19)
    parts: Parts = [("old_wood", placed(board, (0, 0, height))) for board in boards]
    for x in (-0.35 * width, 0.35 * width):
        path = np.array([(x, y * length, height - 0.13) for y in (-0.55, 0, 0.55)])
        parts.append(("bark", tube(path, 0.12, 12)))
    for side in (-1, 1) if rng.random() < 0.5 else (1,):
        tops = []
        for y in np.linspace(-length / 2, length / 2, 4):
            foot, top = (side * width / 2, y, -0.1), (side * width / 2, y, height + 0.85)
            parts.append(("old_wood", beam(foot, top, 0.09, rng, wobble_m=0.012)))
            tops.append(np.array(top))
        parts += [
            (
                "old_wood",
                beam(tops[0] - [0, 0.2, drop], tops[-1] + [0, 0.2, -drop], 0.05, rng, depth_m=0.12),
            )
            for drop in (0.08, 0.45)
        ]
    return parts


def opening(rng: Rng, width_m: float, height_m: float, *, door: bool = False) -> Parts:
    """Make a window or a door in a frame; its wall is the plane y = 0."""
    hole = "wood" if door else "dark"
    parts: Parts = [(hole, box((width_m, 0.06, height_m), rng))]
    for x in (-width_m / 2, width_m / 2):
        parts.append(("old_wood", placed(box((0.1, 0.18, height_m + 0.1), rng), (x, 0, -0.05))))
    for z in (-0.08, height_m):
        parts.append(("old_wood", placed(box((width_m + 0.24, 0.22, 0.1), rng), (0, -0.02, z))))
    if not door:
        parts.append(("old_wood", placed(box((0.045, 0.1, height_m), rng), (0, 0, 0))))
        parts.append(("old_wood", placed(box((width_m, 0.1, 0.045), rng), (0, 0, height_m / 2))))
    return parts


def _roof(rng: Rng, width_m: float, depth_m: float, rise_m: float) -> Mesh:
    """Cover a ridge roof along x with overlapping shingles."""
    slope, pieces = float(np.hypot(depth_m / 2 + 0.35, rise_m)), []
    pitch = float(np.arctan2(rise_m, depth_m / 2 + 0.35))
    for row in range(int(slope / 0.3) + 1):
        for x in np.arange(-width_m / 2 - 0.3, width_m / 2 + 0.3, 0.42):
            if rng.random() < 0.03:
                continue
            tile = placed(
                box((0.42, 0.4, 0.035), rng, bevel_m=0.012, wobble_m=0.012), (x, 0, 0), roll=0.07
            )
            shift = (rng.normal(0, 0.01) + 0.2 * (row % 2), 0.3 * row + 0.15, 0.02)
            pieces.append(placed(tile, shift))
    half = placed(merged(pieces), roll=pitch)
    front = placed(half, (0, -depth_m / 2 - 0.35, -0.2))
    return merged([front, placed(front, yaw=np.pi)])


def house(rng: Rng, width_m: float, depth_m: float, height_m: float) -> Parts:
    """Build a house with a gable, corner posts, door, windows and a shingled roof."""
    parts: Parts = [
        ("wall", placed(box((width_m, depth_m, height_m + 0.5), rng, upright=True), (0, 0, -0.5)))
    ]
    rise, front = depth_m * rng.uniform(0.3, 0.5), -depth_m / 2
    for side in (-1, 1):
        x = side * width_m / 2
        y, z = np.meshgrid([-depth_m / 2, depth_m / 2], [0, 1])
        gable = np.stack([np.full(y.shape, x), y * (1 - z), height_m + rise * z], axis=-1)
        parts.append(("wall", sheet(gable)))
        for y0 in (front, -front):
            parts.append(("old_wood", beam((x, y0, -0.3), (x, y0, height_m), 0.18, rng)))
    parts.append(("roof", placed(_roof(rng, width_m, depth_m, rise), (0, 0, height_m))))
    for level in (height_m - 0.1, height_m * 0.5)[: 1 + int(rng.random() < 0.5)]:
        start, end = (-width_m / 2, front, level), (width_m / 2, front, level)
        parts.append(("old_wood", beam(start, end, 0.14, rng)))
    slots = np.arange(-width_m / 2 + 0.9, width_m / 2 - 0.5, 1.5)
    door = int(rng.integers(len(slots)))
    for k, x in enumerate(slots):
        if k == door:
            parts += moved(opening(rng, 0.95, 1.95, door=True), (x, front - 0.03, 0))
        elif rng.random() < 0.75:
            parts += moved(opening(rng, 0.75, 1.0), (x, front - 0.03, 0.95))
        if height_m > 4.2 and rng.random() < 0.8:
            parts += moved(opening(rng, 0.75, 1.0), (x, front - 0.03, 3.0))
    return parts


def truss(rng: Rng, height_m: float, width_m: float = 0.8) -> Parts:
    """Erect a lattice mast."""
    half, parts = width_m / 2, []
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    for x, y in corners:
        parts.append(("metal", beam((x, y, -0.1), (x, y, height_m), 0.08, rng, wobble_m=0)))
    for level in range(max(2, int(height_m / width_m))):
        low, high = level * width_m, (level + 1) * width_m
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            parts.append(("metal", beam((ax, ay, low), (bx, by, high), 0.045, rng, wobble_m=0)))
            parts.append(("metal", beam((ax, ay, high), (bx, by, high), 0.045, rng, wobble_m=0)))
    return parts


def pipes(rng: Rng, length_m: float) -> Parts:
    """Run a bundle of pipes along x on stands, with flanges and a bend."""
    parts: Parts = []
    height = rng.uniform(0.3, 2.8)
    for k in range(rng.integers(1, 4)):
        radius, y = rng.uniform(0.08, 0.28), 0.65 * k
        bend = length_m / 2 + np.array([0, 0.12, 0.2, 0.2])
        x = np.r_[np.linspace(-length_m / 2, length_m / 2 - 0.3, 6), bend]
        drop = height * np.r_[np.ones(6), 1, 1 - 0.1 / height, 1 - 0.3 / height, 0.0]
        path = np.column_stack([x, np.full(len(x), y), drop])
        name = str(rng.choice(["metal", "paint"]))
        parts.append((name, tube(path, radius, 18)))
        for at in np.linspace(-length_m / 2 + 0.5, length_m / 2 - 0.8, 4):
            flange = np.array([(at, y, height), (at + 0.06, y, height)])
            parts.append((name, tube(flange, radius * 1.3, 18)))
            parts.append(
                ("metal", beam((at + 0.3, y, -0.1), (at + 0.3, y, height), 0.1, rng, wobble_m=0))
            )
    return parts


def container(rng: Rng) -> Parts:
    """Set down a corrugated freight container."""
    name = str(rng.choice(["paint", "metal", "glaze"]))
    wave = np.arange(0, 6.01, 0.07)
    zigzag = 0.03 * np.clip(2.5 * np.sin(2 * np.pi * wave / 0.28), -1, 1)
    parts: Parts = [(name, placed(box((5.96, 2.36, 0.08), rng), (0, 0, z))) for z in (0.05, 2.45)]
    for y in (-1.15, 1.15):
        side = np.stack(
            [np.stack([wave - 3, y + zigzag, np.full_like(wave, z)], 1) for z in (0.1, 2.5)]
        )
        parts.append((name, sheet(side)))
    for x in (-2.97, 2.97):
        parts.append((name, placed(box((0.05, 2.3, 2.4), rng), (x, 0, 0.1))))
        for y in (-1.17, 1.17):
            parts.append((name, placed(box((0.16, 0.16, 2.58), rng, bevel_m=0.01), (x, y, 0))))
    return parts
