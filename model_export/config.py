"""The configuration of training: the paper's values as `PAPER`, ours as `DEFAULT`.

A stage is data. It names the parts of the network that it trains, the picture that the losses
compare, the target, and the weight of each loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

from relight.lights import DIRECTIONS, VIDIT_TEMPERATURES_K, Light

Loss = Literal[
    "l1", "mse", "psnr", "ssim", "pyramid", "adversarial", "shadow_adversarial", "perceptual"
]
LOSSES: Final[tuple[Loss, ...]] = get_args(Loss)

ALL_PARTS: Final = ("scene_reconversion", "shadow_prior", "rerenderer")  # of DRN


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStage:
    """One stage of training.

    Attributes:
        name: its name in logs and files.
        trains: names of the network's children to train; the others are frozen.
        judges: the part whose picture is compared, else the whole network.
        target: `shadow_free` (exposure fusion of the scene) or `relit` (the target light).
        losses: weight of each loss term: picture losses (`Loss`) and the network's own losses.
        num_steps: optimiser steps.
        batch_size: pictures per step.
        size_px: side of the pictures, a multiple of 16; of 32 with half-size steps.
        half_size_every: one of this many steps uses pictures of half the side; 0: none.
        learning_rate: of Adam, for the network and its discriminators.
        decay_from: share of the steps after which the network's rate decays linearly to zero.
    """

    name: str
    trains: tuple[str, ...]
    judges: str
    target: Literal["shadow_free", "relit"]
    losses: Mapping[str, float]
    num_steps: int
    batch_size: int = 6
    size_px: int = 512
    half_size_every: int = 0
    learning_rate: float = 1e-4
    decay_from: float = 1.0

    @property
    def sizes_px(self) -> set[int]:
        """The sides of the pictures in its steps."""
        return {self.size_px, self.size_px // 2} if self.half_size_every else {self.size_px}

    def size_px_of(self, step: int) -> int:
        """Return the side of the pictures in a step; steps count from 0."""
        half = self.half_size_every and step % self.half_size_every == self.half_size_every - 1
        return self.size_px // 2 if half else self.size_px


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How pairs are varied; all changes are in scene-linear light.

    Attributes:
        temperatures_k: colour temperatures of the input.
        mirror: probability of flipping the input and the target of the mirrored light.
        exposure_stops: range of the common change of exposure, in stops.
        ambient: probability of adding soft light from all sides to input and target.
        max_ambient: maximum of that light, relative to the mean of the scene's own lights.
        hue_degrees: maximum rotation of the hue of all surfaces, either way.
        saturation: range of the factor on all surfaces' distance from grey.
        void: probability that no lamp reaches a part of the scene.
    """

    temperatures_k: tuple[int, ...] = VIDIT_TEMPERATURES_K
    mirror: float = 0.5
    exposure_stops: tuple[float, float] = (0.0, 0.0)
    ambient: float = 0.0
    max_ambient: float = 0.0
    hue_degrees: float = 0.0
    saturation: tuple[float, float] = (1.0, 1.0)
    void: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """A complete training.

    Attributes:
        architecture: a key of `architectures.ARCHITECTURES`.
        lights: the lights that the network learns; the target of a pair has one of them.
        stages: in order.
        augmentation: see `Augmentation`.
        gan: `log` as in the paper, or `least_squares` as in its code.
        betas: of Adam.
        shadow_threshold: alpha of z = min(alpha, x), x in [0, 1].
        discriminator_width: channels of a discriminator's first layer.
        ema_decay: decay of the moving average of a stage's weights, which a run saves; it is
            smaller in the first steps. 0: the last weights themselves.
        seed: of weights and pairs.
    """

    architecture: str
    lights: tuple[Light, ...]
    stages: tuple[TrainingStage, ...]
    augmentation: Augmentation = field(default_factory=Augmentation)
    gan: Literal["log", "least_squares"] = "least_squares"
    betas: tuple[float, float] = (0.5, 0.999)
    shadow_threshold: float = 15 / 255
    discriminator_width: int = 64
    ema_decay: float = 0.0
    seed: int = 0

    def from_stage(self, name: str) -> TrainingConfig:
        """Return the training without the stages before the named one.

        Raises:
            ValueError: no stage has that name.
        """
        names = [stage.name for stage in self.stages]
        if name not in names:
            raise ValueError(f"stage {name!r} is not one of {', '.join(names)}")
        return replace(self, stages=self.stages[names.index(name) :])

    def longer(self, factor: float) -> TrainingConfig:
        """Return the training with the steps of every stage multiplied, at least one each."""
        stages = (replace(s, num_steps=max(1, round(s.num_steps * factor))) for s in self.stages)
        return replace(self, stages=tuple(stages))


_E_4500: Final = Light("E", 4500)
_ALL_AROUND: Final = tuple(Light(direction, 4500) for direction in DIRECTIONS)
_L1: Final = 10.0  # lambda of the L1 term
_PAPER_STEPS: Final = 20 * (300 * 40) // 6  # 20 epochs of 300 scenes with 40 lights

PAPER: Final = TrainingConfig(
    architecture="drn",
    lights=(_E_4500,),
    gan="log",
    stages=(
        TrainingStage(
            name="scene_reconversion",
            trains=("scene_reconversion",),
            judges="scene_reconversion",
            target="shadow_free",
            losses={"l1": _L1, "adversarial": 1.0},
            num_steps=_PAPER_STEPS,
        ),
        TrainingStage(
            name="shadow_prior",
            trains=("shadow_prior",),
            judges="shadow_prior",
            target="relit",
            losses={"l1": _L1, "adversarial": 1.0, "shadow_adversarial": 1.0},
            num_steps=_PAPER_STEPS,
        ),
        TrainingStage(
            name="rerenderer",
            trains=("rerenderer",),
            judges="drn",
            target="relit",
            losses={"l1": 1.0, "perceptual": 0.01},
            num_steps=_PAPER_STEPS,
        ),
    ),
)

# Sized for a CPU: small pictures first, larger ones at the end. The adversarial weights are a tenth
# of the paper's because there are few steps. The authors' code also has an SSIM term; without it, a
# short training loses the textures. In the last two stages the three parts are trained together,
# for which the paper's GPUs had too little memory. These stages minimise the squared error, since
# L1's best guess at "shadow or not" is the likelier of the two, at full contrast.
DEFAULT: Final = TrainingConfig(
    architecture="drn-s",
    lights=_ALL_AROUND,
    betas=(0.9, 0.999),
    ema_decay=0.999,
    augmentation=Augmentation(
        exposure_stops=(-1.0, 0.3),
        ambient=0.3,
        max_ambient=0.5,
        hue_degrees=60.0,
        saturation=(0.3, 1.2),
        void=0.25,
    ),
    discriminator_width=16,
    stages=(
        TrainingStage(
            name="scene_reconversion",
            trains=("scene_reconversion",),
            judges="scene_reconversion",
            target="shadow_free",
            losses={"l1": _L1, "ssim": 2.0, "adversarial": 0.1},
            num_steps=800,
            size_px=128,
            learning_rate=1e-3,
        ),
        TrainingStage(
            name="shadow_prior",
            trains=("shadow_prior",),
            judges="shadow_prior",
            target="relit",
            losses={"l1": _L1, "adversarial": 0.1, "shadow_adversarial": 0.1},
            num_steps=1000,
            size_px=128,
            learning_rate=1e-3,
        ),
        TrainingStage(
            name="rerenderer",
            trains=("rerenderer",),
            judges="drn",
            target="relit",
            losses={"l1": 1.0, "ssim": 0.2, "perceptual": 0.01},
            num_steps=200,
            size_px=128,
            learning_rate=1e-3,
        ),
        TrainingStage(
            name="together",
            trains=ALL_PARTS,
            judges="drn",
            target="relit",
            losses={"mse": 4.0, "ssim": 0.4},
            num_steps=3500,
            batch_size=8,
            size_px=128,
            learning_rate=1e-3,
        ),
        TrainingStage(
            name="finish",
            trains=ALL_PARTS,
            judges="drn",
            target="relit",
            losses={"mse": 4.0, "ssim": 0.3},
            num_steps=3700,
            size_px=256,
            half_size_every=3,
            batch_size=4,
            learning_rate=5e-4,
            decay_from=0.1,
        ),
    ),
)

# For one data-centre GPU: larger steps, and a rate that also suits the paper's width.
_GPU_STEPS: Final = (300, 300, 100, 2000, 2500)
GPU: Final = replace(
    DEFAULT,
    stages=tuple(
        replace(stage, num_steps=num_steps, batch_size=32, learning_rate=5e-4)
        for stage, num_steps in zip(DEFAULT.stages, _GPU_STEPS, strict=True)
    ),
)

CONFIGS: Final[Mapping[str, TrainingConfig]] = {"paper": PAPER, "default": DEFAULT, "gpu": GPU}
