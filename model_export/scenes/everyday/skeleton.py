"""Poses of people: a skeleton of twenty bones, and how its surface follows.

The person looks to -y; z is up, and the person's left is at +x.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.bodies import Rng
from model_export.scenes.shapes import rotation, unit

_SIDES: Final = {"l": 1, "r": -1}
_LIMBS: Final = (
    ("clavicle", "chest"),
    ("upper_arm", "clavicle"),
    ("forearm", "upper_arm"),
    ("hand", "forearm"),
    ("thigh", "pelvis"),
    ("shin", "thigh"),
    ("foot", "shin"),
)
# Each bone's parent. Parents come first; `people.npz` has its joints and weights in this order.
_PARENTS: Final[Mapping[str, str | None]] = MappingProxyType(
    {
        "pelvis": None,
        "waist": "pelvis",
        "ribs": "waist",
        "chest": "ribs",
        "neck": "chest",
        "head": "neck",
    }
    | {
        f"{name}_{side}": parent if parent in {"chest", "pelvis"} else f"{parent}_{side}"
        for side in _SIDES
        for name, parent in _LIMBS
    }
)
BONES: Final = tuple(_PARENTS)
_TIP: Final = {"upper_arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot"}

# Where a bone points, (3,), by its name.
Directions = Mapping[str, FloatArray]
# How much a bone turns against its parent, (3, 3), by its name; none is no turn.
Turns = Mapping[str, FloatArray]


def posed(
    positions: FloatArray,
    joints: FloatArray,
    weights: FloatArray,
    directions: Directions,
    turns: Turns,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bend a body (linear blend skinning).

    Args:
        positions: (n, 3), at rest.
        joints: (num_bones, 3), where each bone begins at rest, in the order of `BONES`.
        weights: (n, num_bones), how much each point follows each bone; rows sum to 1.
        directions: where limbs shall point, in the frame of their body's trunk.
        turns: of other bones.

    Returns:
        The positions (n, 3), and each bone's rotation (num_bones, 3, 3) and joint (num_bones, 3).
    """
    rotations, places = np.zeros((len(BONES), 3, 3)), np.zeros((len(BONES), 3))
    for k, (bone, parent) in enumerate(_PARENTS.items()):
        before, at = np.eye(3), joints[k]
        if parent is not None:
            p = BONES.index(parent)
            before = rotations[p]
            at = places[p] + before @ (joints[k] - joints[p])
        turn = before @ turns.get(bone, np.eye(3))
        if bone in directions:
            tip = BONES.index(f"{_TIP[bone[:-2]]}{bone[-2:]}")
            trunk = rotations[BONES.index("chest" if "arm" in bone else "pelvis")]
            turn = _shortest_turn(turn @ (joints[tip] - joints[k]), trunk @ directions[bone]) @ turn
        rotations[k], places[k] = turn, at
    moved = np.einsum("bij,nbj->nbi", rotations, positions[:, None] - joints[None]) + places
    return np.einsum("nb,nbi->ni", weights, moved), rotations, places


def _shortest_turn(start: FloatArray, end: FloatArray) -> FloatArray:
    """Return the rotation (3, 3) that takes one direction to another the shortest way."""
    a, b = unit(start), unit(end)
    axis, cosine = np.cross(a, b), float(a @ b)
    if cosine < -0.999:  # opposite: half a turn about any axis across
        across = unit(np.cross(a, [0.3, 0.5, 0.8]))
        return np.asarray(2 * np.outer(across, across) - np.eye(3))
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + cosine))


def draw_pose(rng: Rng) -> tuple[Directions, Turns]:
    """Draw where the limbs point and how the trunk and the head turn."""
    stance = str(rng.choice(["stand", "walk", "sit", "cross-legged", "kneel"], p=_STANCE_SHARES))
    directions: dict[str, FloatArray] = {}
    forward = float(rng.choice([-1, 1]))
    for side, sign in _SIDES.items():
        thigh, shin = _leg(rng, stance, forward * sign)
        upper, lower = _arm(rng)
        outward = np.array([sign, 1.0, 1.0])
        directions |= {
            f"thigh_{side}": thigh * outward,
            f"shin_{side}": shin * outward,
            f"upper_arm_{side}": upper * outward,
            f"forearm_{side}": lower * outward,
        }
    turns = {
        name: rotation(*rng.normal(0, spread))
        for name, spread in (
            ("waist", (0.12, 0.06, 0.08)),
            ("ribs", (0.12, 0.06, 0.08)),
            ("chest", (0.1, 0.05, 0.06)),
            ("neck", (0.2, 0.08, 0.1)),
            ("head", (0.3, 0.1, 0.15)),
            ("hand_l", (0.3, 0.4, 0.3)),
            ("hand_r", (0.3, 0.4, 0.3)),
        )
    }
    return directions, turns


_STANCE_SHARES: Final = (0.4, 0.2, 0.2, 0.12, 0.08)


def _leg(rng: Rng, stance: str, forward: float) -> tuple[FloatArray, FloatArray]:
    """Return where thigh and shin point; x is outwards."""
    aside = rng.uniform(0.02, 0.25)
    if stance == "sit":
        thigh = np.array([aside, -1.0, rng.uniform(-0.3, 0.1)])
        return thigh, np.array([rng.uniform(-0.2, 0.1), rng.uniform(-0.3, 0.3), -1.0])
    if stance == "cross-legged":
        thigh = np.array([0.9, rng.uniform(-0.8, -0.5), rng.uniform(-0.1, 0.1)])
        return thigh, np.array([-1.0, rng.uniform(-0.3, 0.1), -0.1])
    if stance == "kneel":
        thigh = np.array([aside, rng.uniform(-0.5, -0.1), -1.0])
        return thigh, np.array([0.0, 1.0, rng.uniform(-0.15, 0.0)])
    stride = forward * rng.uniform(0.1, 0.6) if stance == "walk" else rng.normal(0, 0.1)
    thigh = np.array([aside, -stride, -1.0])
    bend = rng.uniform(0, 0.5 if stance == "walk" else 0.15)
    return thigh, np.array([0.3 * aside, -stride + bend + 0.05, -1.0])


def _arm(rng: Rng) -> tuple[FloatArray, FloatArray]:
    """Return where upper arm and forearm point; x is outwards."""
    raised = rng.uniform(0.2, 1.2) if rng.random() < 0.15 else rng.uniform(-1.2, -0.35)
    upper = unit(np.array([rng.uniform(0.15, 0.9), rng.uniform(-0.7, 0.25), raised]))
    inward = np.array([rng.uniform(-1.0, 0.2), rng.uniform(-1.0, -0.3), rng.uniform(-0.4, 1.0)])
    across = unit(inward - (inward @ upper) * upper)
    bend = rng.uniform(0.05, 0.5) if rng.random() < 0.4 else rng.uniform(0.5, 2.1)
    return upper, np.asarray(np.cos(bend) * upper + np.sin(bend) * across)
