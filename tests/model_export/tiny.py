"""The default training, small enough for a test: two steps a stage, two channels, 32 px."""

import dataclasses

from model_export.config import DEFAULT, Augmentation

TINY = dataclasses.replace(
    DEFAULT,
    architecture="drn-xs",
    augmentation=Augmentation(),
    discriminator_width=2,
    stages=tuple(
        dataclasses.replace(stage, num_steps=2, batch_size=1, size_px=32, half_size_every=0)
        for stage in DEFAULT.stages
    ),
)
