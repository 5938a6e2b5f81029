"""The paper's comparison: every method trains on the same pairs for the same number of steps.

Each config has the losses of its paper. The settings that the papers leave open are the same for
all: the augmentation, the learning rate, which falls linearly over the second half of the last
stage's steps, and the weight of an adversarial loss relative to L1, 1 : 100 as in pix2pix. A method
of several stages divides its steps between them.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

from model_export.config import ALL_PARTS, DEFAULT, Augmentation, TrainingConfig, TrainingStage
from model_export.data.vidit import ViditFolder
from model_export.evaluation.color_transfer import ColorTransfer
from model_export.training.loop import STATE_FILE, Training
from relight.lights import Light

COLOR_TRANSFER_FILE: Final = "color-transfer.json"
_E_4500: Final = Light("E", 4500)
# Fixed here: all methods must use the same pairs, independently of the shipped model's training.
_AUGMENTATION: Final = Augmentation(ambient=0.5, max_ambient=0.5)
_NUM_STEPS: Final = 3000
_SIZE_PX: Final = 128
_L1_AND_JUDGE: Final = {"l1": 10.0, "adversarial": 0.1}
_L1_AND_JUDGES: Final = {**_L1_AND_JUDGE, "shadow_adversarial": 0.1}
_AUTOENCODER: Final = ("stem", "encoder", "bottleneck", "decoder", "head")


def _stage(
    name: str,
    share: float,
    *,
    trains: tuple[str, ...],
    judges: str,
    losses: Mapping[str, float],
    target: Literal["shadow_free", "relit"] = "relit",
    decay_from: float = 0.5,
) -> TrainingStage:
    return TrainingStage(
        name=name,
        trains=trains,
        judges=judges,
        target=target,
        losses=losses,
        num_steps=round(share * _NUM_STEPS),
        size_px=_SIZE_PX,
        learning_rate=1e-3,
        decay_from=decay_from,
    )


def _config(architecture: str, *stages: TrainingStage) -> TrainingConfig:
    return TrainingConfig(
        architecture=architecture,
        lights=(_E_4500,),
        stages=stages,
        augmentation=_AUGMENTATION,
        discriminator_width=DEFAULT.discriminator_width,
    )


PIX2PIX: Final = _config(
    "pix2pix-s",
    _stage("generator", 1, trains=_AUTOENCODER, judges="pix2pix", losses=_L1_AND_JUDGE),
)
SHADADV: Final = _config(
    "shadadv-s",
    _stage("generator", 1, trains=_AUTOENCODER, judges="shadadv", losses=_L1_AND_JUDGES),
)
BPAE: Final = _config(
    "bpae-s",
    _stage("generator", 1, trains=_AUTOENCODER, judges="bpae", losses=_L1_AND_JUDGES),
)
U_NET: Final = _config(
    "u-net-s",
    _stage(
        "network",
        1,
        trains=("encoder", "enlarge", "decoder", "head"),
        judges="u-net",
        losses={"l1": 1.0},
    ),
)
# The weights of section 3 of its paper; the target replaces the well-lit photo.
RETINEX_NET: Final = _config(
    "retinex-net-s",
    _stage(
        "decomposition",
        1 / 2,
        trains=("decomposition",),
        judges="decomposition",
        losses={
            "reconstruction": 1.0,
            "cross_reconstruction": 0.001,
            "reflectance": 0.001,
            "smoothness": 0.1,
        },
        decay_from=1.0,
    ),
    _stage(
        "adjustment",
        1 / 2,
        trains=("adjustment",),
        judges="retinex-net",
        losses={"reconstruction": 1.0, "smoothness": 0.1},
    ),
)
# The paper's three stages, except that the last one trains all parts (see docs/decisions.md).
DRN: Final = _config(
    "drn-s",
    _stage(
        "scene_reconversion",
        1 / 4,
        trains=("scene_reconversion",),
        judges="scene_reconversion",
        target="shadow_free",
        losses=_L1_AND_JUDGE,
        decay_from=1.0,
    ),
    _stage(
        "shadow_prior",
        1 / 4,
        trains=("shadow_prior",),
        judges="shadow_prior",
        losses=_L1_AND_JUDGES,
        decay_from=1.0,
    ),
    _stage(
        "rerenderer",
        1 / 2,
        trains=ALL_PARTS,
        judges="drn",
        losses={"l1": 1.0, "perceptual": 0.01},
    ),
)

METHODS: Final[Mapping[str, TrainingConfig]] = {
    "pix2pix": PIX2PIX,
    "shadadv": SHADADV,
    "bpae": BPAE,
    "u-net": U_NET,
    "retinex-net": RETINEX_NET,
    "drn": DRN,
}


def within_budget(
    config: TrainingConfig, *, num_steps: int, size_px: int, batch_size: int
) -> TrainingConfig:
    """Return a config with this total of steps, divided between its stages as before."""
    total = sum(stage.num_steps for stage in config.stages)
    stages, before, done = [], 0, 0
    for stage in config.stages:
        before += stage.num_steps
        until = round(num_steps * before / total)
        stages.append(dataclasses.replace(stage, num_steps=until - done))
        done = until
    sized = (dataclasses.replace(s, size_px=size_px, batch_size=batch_size) for s in stages)
    return dataclasses.replace(config, stages=tuple(sized))


def compare(
    out: Path,
    configs: Mapping[str, TrainingConfig],
    folder: ViditFolder,
    start: Callable[[Path, TrainingConfig], Training],
    minutes: float | None = None,
) -> str | None:
    """Train one method after another; skip finished ones, continue stopped ones.

    Args:
        out: receives a folder per method, and the statistics of the colour transfer.
        configs: method -> config; all have the same single light.
        folder: the training scenes.
        start: creates the run of a method from its folder and config.
        minutes: time limit for all of them; None: no limit.

    Returns:
        The method that was stopped, or None if all are done.

    Raises:
        MissingData: the scenes lack pictures that a stage needs.
    """
    stages = [stage for config in configs.values() for stage in config.stages]
    if any(stage.target == "shadow_free" for stage in stages):
        folder.shadow_free(folder.scenes[-1], stages[0].size_px)  # fail now, not hours later
    out.mkdir(parents=True, exist_ok=True)
    targets = (folder.picture(scene, _E_4500, stages[0].size_px) for scene in folder.scenes)
    ColorTransfer.fit(targets, str(_E_4500)).save(out / COLOR_TRANSFER_FILE)
    until_s = None if minutes is None else time.monotonic() + 60 * minutes
    for name, config in configs.items():
        run = start(out / name, config)
        if (run.out / STATE_FILE).exists():
            run.resume()
        left = None if until_s is None else max(0.0, until_s - time.monotonic()) / 60
        if not run.run(left):
            return name
    return None
