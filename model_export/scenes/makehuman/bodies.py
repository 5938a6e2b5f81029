"""Builds `people.npz`: whole bodies with their skirts, the joints, and what follows each bone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from model_export.scenes.description import FloatArray
from model_export.scenes.everyday.skeleton import BONES
from model_export.scenes.makehuman.assets import Assets
from model_export.scenes.makehuman.forms import BODY_PARTS, FACE_PARTS, draw_build, draw_details
from model_export.scenes.makehuman.principal_components import principal_components, renumbered

_NUM_COMPONENTS: Final = 28
_SKIN: Final = ("body", "helper-r-eye", "helper-l-eye")
_METRES: Final = 0.1
_FINGERS: Final = tuple(
    f"{finger}_0{number}"
    for finger in ("thumb", "index", "middle", "ring", "pinky")
    for number in (1, 2, 3)
)
# The joint at which each of our bones begins, and the bones of the rig that it stands for.
_TRUNK: Final = {
    "pelvis": ("joint-pelvis", ("Root", "pelvis")),
    "waist": ("joint-spine-4", ("spine_01",)),
    "ribs": ("joint-spine-3", ("spine_02",)),
    "chest": ("joint-spine-2", ("spine_03",)),
    "neck": ("joint-neck", ("neck_01",)),
    "head": ("joint-head", ("head",)),
}
_LIMBS: Final = {
    "clavicle": ("clavicle", ("clavicle",)),
    "upper_arm": ("shoulder", ("upperarm",)),
    "forearm": ("elbow", ("lowerarm",)),
    "hand": ("hand", ("hand", *_FINGERS)),
    "thigh": ("upper-leg", ("thigh",)),
    "shin": ("knee", ("calf",)),
    "foot": ("ankle", ("foot", "ball")),
}


def build(assets: Assets, out: Path, *, num_bodies: int = 900, seed: int = 1) -> None:
    """Write the model of bodies.

    Args:
        assets: MakeHuman's data.
        out: file to write.
        num_bodies: how many to draw.
        seed: of their forms.
    """
    rig = _rig()
    surfaces = {
        "skin": np.concatenate([assets.groups[name] for name in _SKIN]),
        "skirt": assets.groups["helper-skirt"],
    }
    kept = np.concatenate([np.unique(faces) for faces in surfaces.values()])
    rng = np.random.default_rng(seed)
    bodies = np.empty((num_bodies, len(kept) + len(BONES), 3), np.float32)
    for body in bodies:
        positions = assets.vertices.copy()
        draw_build(rng, positions, assets, whole=True)
        draw_details(rng, positions, assets, FACE_PARTS | BODY_PARTS)
        joints = [assets.middle(positions, rig[bone][0]) for bone in BONES]
        body[:] = _upright(np.concatenate([positions[kept], joints]))
    order = {name: k for k, bone in enumerate(BONES) for name in rig[bone][1]}
    weights = assets.bone_weights(order, len(BONES))[kept]
    model: dict[str, Any] = principal_components(bodies, _NUM_COMPONENTS)
    model |= {name: renumbered(faces, kept) for name, faces in surfaces.items()}
    np.savez_compressed(out, **model, weights=np.round(weights * 255).astype(np.uint8))


def _rig() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return for each of our bones the group of its joint, and the rig's bones."""
    rig = dict(_TRUNK)
    for side in "lr":
        for name, (joint, merged) in _LIMBS.items():
            rig[f"{name}_{side}"] = (f"joint-{side}-{joint}", tuple(f"{b}_{side}" for b in merged))
    return rig


def _upright(positions: FloatArray) -> FloatArray:
    """Return positions in metres, z up, the front at -y, the lowest point at z = 0."""
    x, y, z = positions.T * _METRES
    return np.stack([x, -z, y - y.min()], axis=1)
