"""The stages of `drn-g`'s training, as data: the paper's order, and all parts together at last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A share of a stage's steps with pictures of one size."""

    share: float
    size_px: int
    batch_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GeometryStage:
    """One stage of training.

    Attributes:
        name: what logs call it.
        trains: parts of `DrnG` that learn, its children's names.
        losses: weight of each loss.
        phases: small pictures first; their shares are 1 in all.
        num_steps: optimiser steps.
        learning_rate: of the optimiser, at its highest; it falls along a cosine.
        keeps_statistics: whether batch norms keep the statistics that they have, as in use. Those
            of a small batch are noise that the network cannot learn to ignore.
    """

    name: str
    trains: tuple[str, ...]
    losses: Mapping[str, float]
    phases: tuple[Phase, ...]
    num_steps: int
    learning_rate: float
    keeps_statistics: bool = False

    def left_from(self, first_step: int) -> list[tuple[int, Phase]]:
        """Return the phases that are left from a step on, each with its number of steps."""
        left, begin = [], 0.0
        for phase in self.phases:
            start = round(begin * self.num_steps)
            begin += phase.share
            end = round(begin * self.num_steps)
            if end > first_step:
                left.append((end - max(start, first_step), phase))
        return left

    def longer(self, factor: float) -> GeometryStage:
        """Return the stage with as many times the steps, at least one."""
        return replace(self, num_steps=max(1, round(self.num_steps * factor)))


SCENE_LOSSES: Final = {
    "normals": 2.0,
    "relief": 0.25,
    "log_shading": 0.4,
    "shading_change": 0.4,
    "shading_contrast": 0.15,
    "nearness": 0.5,
    "occlusion": 0.5,
    "relightable": 0.6,
}
LIGHT_LOSSES: Final = {"irradiance": 1.0}
RELIT_LOSSES: Final = {"relit": 4.0, "relit_slopes": 2.0}
CHANGE_LOSSES: Final = {"change": 0.6, "contrast": 0.1}

# For CPUs, with bfloat16 arithmetic; docs/training.md says how long it takes.
DEFAULT: Final = (
    GeometryStage(
        name="scene_reconversion",
        trains=("scene_reconversion",),
        losses=SCENE_LOSSES,
        phases=(
            Phase(share=0.25, size_px=64, batch_size=10),
            Phase(share=0.25, size_px=96, batch_size=8),
            Phase(share=0.3, size_px=128, batch_size=8),
            Phase(share=0.2, size_px=192, batch_size=5),
        ),
        num_steps=20000,
        learning_rate=1.3e-3,
    ),
    GeometryStage(
        name="shadow_prior",
        trains=("shadow_prior",),
        losses=LIGHT_LOSSES,
        phases=(Phase(share=1, size_px=128, batch_size=8),),
        num_steps=1000,
        learning_rate=3e-3,
    ),
    GeometryStage(
        name="rerenderer",
        trains=("shadow_prior", "rerenderer"),
        losses={**LIGHT_LOSSES, **RELIT_LOSSES},
        phases=(Phase(share=1, size_px=128, batch_size=8),),
        num_steps=300,
        learning_rate=1e-3,
    ),
    GeometryStage(
        name="together",
        trains=("scene_reconversion", "shadow_prior", "rerenderer"),
        losses={**SCENE_LOSSES, **LIGHT_LOSSES, **RELIT_LOSSES, **CHANGE_LOSSES},
        phases=(
            Phase(share=0.4, size_px=128, batch_size=8),
            Phase(share=0.6, size_px=192, batch_size=5),
        ),
        num_steps=8000,
        learning_rate=7e-4,
        keeps_statistics=True,
    ),
)

# For one data-centre GPU: four times the pictures in a step, at the sizes that are served.
GPU: Final = tuple(
    replace(
        stage,
        phases=tuple(
            replace(phase, batch_size=4 * phase.batch_size, size_px=max(96, phase.size_px))
            for phase in stage.phases
        ),
    )
    for stage in DEFAULT
)

STAGES: Final[Mapping[str, tuple[GeometryStage, ...]]] = {"default": DEFAULT, "gpu": GPU}


def from_stage(stages: tuple[GeometryStage, ...], name: str) -> tuple[GeometryStage, ...]:
    """Return the stages without those before the one of that name.

    Raises:
        ValueError: there is none.
    """
    names = [stage.name for stage in stages]
    if name not in names:
        raise ValueError(f"stage {name!r} is not one of {', '.join(names)}")
    return stages[names.index(name) :]
