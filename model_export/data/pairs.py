"""Streams training pairs: a photo, and the same scene under the wanted light.

Draw -> Augmenter: the scene under two lights, with common changes -> Pair
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from model_export.config import Augmentation, TrainingStage
from model_export.data.augmentation import Augmenter
from model_export.data.pictures import FolderPictures, Pictures, to_device
from model_export.data.sampling import Draw
from model_export.data.sources import Picture
from model_export.data.vidit import ViditFolder
from relight.lights import Light


class Pair(NamedTuple):
    """A training pair; a batch has n before each shape.

    Attributes:
        image: (3, size_px, size_px) in [-1, 1].
        target: the same.
        light: int64 (), index of the target's light; arbitrary for shadow-free targets.
    """

    image: Tensor
    target: Tensor
    light: Tensor


class Pairs(Dataset[Pair]):
    """The endless, repeatable stream of pairs of one stage.

    Item k depends only on `seed` and k, so a resumed run continues with the pairs that an
    uninterrupted run would have seen.

    Args:
        folder: the training scenes.
        stage: gives the size and the target.
        lights: the lights that the network learns.
        augmentation: how pairs are varied.
        seed: seed of the stream.
        pictures: the pictures of the folder, if already loaded.
    """

    def __init__(
        self,
        folder: ViditFolder,
        stage: TrainingStage,
        lights: Sequence[Light],
        augmentation: Augmentation,
        seed: Sequence[int],
        *,
        pictures: Pictures | None = None,
    ) -> None:
        self._folder = folder
        self._stage = stage
        self._lights = tuple(lights)
        self._vary = augmentation
        self._seed = tuple(seed)
        self._augmenter = Augmenter(folder, pictures or FolderPictures(folder))

    def __len__(self) -> int:
        return self._stage.num_steps * self._stage.batch_size

    def __getitem__(self, index: int) -> Pair:
        return Pair(*(each[0] for each in self._pairs([self._draw(index)])))

    def batch(self, step: int) -> Pair:
        """Return all pairs of a step, counted from 0, on the device of the pictures."""
        first = step * self._stage.batch_size
        return self._pairs([self._draw(first + k) for k in range(self._stage.batch_size)])

    def _draw(self, index: int) -> Draw:
        rng = np.random.default_rng([*self._seed, index])
        size_px = self._stage.size_px_of(index // self._stage.batch_size)
        return Draw.draw(rng, size_px, self._folder.scenes, self._lights, self._vary)

    def _pairs(self, draws: Sequence[Draw]) -> Pair:
        if self._stage.target == "shadow_free":
            image, target = self._augmenter.unlit(draws)
        else:
            image, target = self._augmenter.relit(draws)
        flipped = to_device([int(draw.flipped) for draw in draws], image.device) > 0
        indices = to_device([draw.light_index for draw in draws], image.device)
        return Pair(_planes(image, flipped), _planes(target, flipped), indices)


def _planes(codes: Tensor, flipped: Tensor) -> Tensor:
    """Return codes (n, 3, h, w) in [-1, 1], some of them flipped horizontally."""
    return torch.where(flipped[:, None, None, None], codes.flip(-1), codes) / 127.5 - 1


def to_tensor(picture: Picture) -> Tensor:
    """Return a picture (h, w, 3) as (3, h, w) in [-1, 1]."""
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1), dtype=np.float32)
    return torch.from_numpy(planes / 127.5 - 1)


def to_picture(planes: Tensor) -> Picture:
    """Return planes (3, h, w) in [-1, 1] as a picture (h, w, 3)."""
    codes = ((planes.detach().float().clamp(-1, 1) + 1) * 127.5).round()
    return codes.permute(1, 2, 0).to("cpu", torch.uint8).numpy()
