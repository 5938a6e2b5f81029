"""Draws training pairs from scenes: a photo, and the same scene under the wanted light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from model_export.config import Augmentation, Stage
from model_export.data.repainting import Paint
from model_export.data.sources import Picture
from model_export.data.vidit import SceneLinear, ViditFolder, render_srgb, to_scene_linear
from model_export.data.voids import draw_lit
from service.lights import DIRECTIONS, Light

_FUSED_K: Final = 4500  # exposure fusion averages the lamps of all temperatures


class Pair(NamedTuple):
    """What one step learns from; a batch has n in front of each shape.

    Attributes:
        image: (3, size_px, size_px) in [-1, 1].
        target: the same.
        light: int64 (), index of the target's light; where the target has no shadows, any.
    """

    image: Tensor
    target: Tensor
    light: Tensor


class Pairs(Dataset[Pair]):
    """The endless, repeatable stream of pairs of one stage.

    Item k depends on `seed` and k alone, so a resumed run goes on with the pairs that an
    uninterrupted one would have seen.

    Args:
        folder: the training scenes.
        stage: gives the size and the kind of target.
        lights: the lights that the network learns to cast.
        augmentation: how pairs are varied.
        seed: of the stream.
    """

    def __init__(
        self,
        folder: ViditFolder,
        stage: Stage,
        lights: Sequence[Light],
        augmentation: Augmentation,
        seed: Sequence[int],
    ) -> None:
        self._folder = folder
        self._stage = stage
        self._lights = tuple(lights)
        self._vary = augmentation
        self._seed = tuple(seed)

    def __len__(self) -> int:
        return self._stage.num_steps * self._stage.batch_size

    def __getitem__(self, index: int) -> Pair:
        rng = np.random.default_rng([*self._seed, index])
        size_px = self._stage.size_px_of(index // self._stage.batch_size)
        scene = int(rng.choice(self._folder.scenes))
        light = Light(str(rng.choice(DIRECTIONS)), int(rng.choice(self._vary.temperatures_k)))
        flipped = bool(rng.random() < self._vary.mirror)
        index = int(rng.integers(len(self._lights)))
        wanted = self._lights[index].mirrored if flipped else self._lights[index]
        change = _Change.draw(self._vary, rng, size_px)
        image = self._under(scene, light, change)
        if self._stage.target == "shadow_free":
            target = self._shadow_free(scene, change)
        else:
            target = self._under(scene, wanted, change)
        if flipped:
            image, target = image[:, ::-1], target[:, ::-1]
        return Pair(to_tensor(image), to_tensor(target), torch.tensor(index))

    def _under(self, scene: int, light: Light, change: _Change) -> Picture:
        """Return the changed scene under a light."""
        linear = self._folder.scene_linear(scene, light, change.size_px)
        if change.ambient:  # of soft light in the lamp's own colour
            soft = self._ambient(scene, light.temperature_k, change.size_px)
            linear = linear + np.float32(change.ambient) * soft
        repainted = change.paint.on(linear, light.temperature_k)
        return render_srgb(repainted * change.gain)

    def _ambient(self, scene: int, temperature_k: int, size_px: int) -> SceneLinear:
        """Return the mean of the scene's eight lights: a light from all sides."""
        lights = (Light(direction, temperature_k) for direction in DIRECTIONS)
        total = sum(self._folder.scene_linear(scene, light, size_px) for light in lights)
        return np.asarray(total / len(DIRECTIONS), dtype=np.float32)

    def _shadow_free(self, scene: int, change: _Change) -> Picture:
        """Return the scene without shadows, repainted; its exposure is the fusion's own."""
        linear = to_scene_linear(self._folder.shadow_free(scene, change.size_px))
        return render_srgb(change.paint.on(linear, _FUSED_K) * change.lit)


@dataclass(frozen=True, slots=True)
class _Change:
    """What is done alike to the input and to the target of one pair."""

    size_px: int
    exposure: float
    ambient: float
    paint: Paint
    lit: SceneLinear

    @property
    def gain(self) -> SceneLinear:
        return self.lit * np.float32(self.exposure)

    @classmethod
    def draw(cls, vary: Augmentation, rng: np.random.Generator, size_px: int) -> _Change:
        exposure = 2 ** rng.uniform(*vary.exposure_stops)
        ambient = float(rng.random() < vary.ambient) * rng.uniform(0, vary.max_ambient)
        hue_degrees = rng.uniform(-vary.hue_degrees, vary.hue_degrees)
        paint = Paint(hue_degrees, rng.uniform(*vary.saturation))
        lit = draw_lit(rng, size_px) if rng.random() < vary.void else np.ones(1, np.float32)
        return cls(size_px, exposure, ambient, paint, lit)


def to_tensor(picture: Picture) -> Tensor:
    """Return a picture (h, w, 3) as (3, h, w) in [-1, 1]."""
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1), dtype=np.float32)
    return torch.from_numpy(planes / 127.5 - 1)


def to_picture(planes: Tensor) -> Picture:
    """Return planes (3, h, w) in [-1, 1] as a picture (h, w, 3)."""
    codes = ((planes.detach().float().clamp(-1, 1) + 1) * 127.5).round()
    return codes.permute(1, 2, 0).to("cpu", torch.uint8).numpy()
