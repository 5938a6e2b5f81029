"""Reads a folder in VIDIT's layout, real or rendered, and draws training pairs from it.

    Image007_4500_NE.png          scene 7, 4500 K, light from the north-east
    shadow_free/Image007.png      the scene without shadows (`model_export.fusion`)

VIDIT has every light as a file. A rendered folder has one temperature; the others are made from
it in scene-linear light, where a lamp's colour is a gain on each channel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from cachetools import LRUCache
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from model_export.config import Augmentation, Stage
from service.color import (
    aces,
    aces_inverse,
    linear_to_srgb,
    srgb_to_linear,
    temperature_gain,
)
from service.lights import DIRECTIONS, Light

Picture = npt.NDArray[np.uint8]  # (h, w, 3) sRGB
SceneLinear = npt.NDArray[np.float32]  # (h, w, 3), 0 to infinity

_CACHE_BYTES: Final = 2**31  # of decoded pictures, in each process that draws pairs
SHADOW_FREE_FOLDER: Final = "shadow_free"
_FILE_NAME: Final = re.compile(r"Image(\d{3,})_(\d{4,5})_(N|NE|E|SE|S|SW|W|NW)\.png")


class MissingData(FileNotFoundError):
    """A folder lacks what training or evaluation needs."""


@dataclass(frozen=True, slots=True)
class ViditFolder:
    """A folder in VIDIT's layout.

    Attributes:
        root: the folder.
        size_px: side of its pictures.
        scenes: numbers of the scenes that have all eight directions, ascending.
        temperatures_k: colour temperatures that every one of these scenes has as files.
    """

    root: Path
    size_px: int
    scenes: tuple[int, ...]
    temperatures_k: tuple[int, ...]
    _pictures: LRUCache[tuple[str, int], Picture] = field(repr=False, compare=False)

    @classmethod
    def open(cls, root: Path) -> ViditFolder:
        """Read which scenes and lights a folder holds.

        Raises:
            MissingData: the folder is not there, or holds no complete scene.
        """
        found: dict[int, set[Light]] = {}
        for path in root.glob("Image*.png"):
            if match := _FILE_NAME.fullmatch(path.name):
                scene, kelvin, direction = match.groups()
                found.setdefault(int(scene), set()).add(Light(direction, int(kelvin)))
        complete = {
            scene: {
                light.temperature_k
                for light in lights
                if all(Light(direction, light.temperature_k) in lights for direction in DIRECTIONS)
            }
            for scene, lights in found.items()
        }
        complete = {scene: kelvins for scene, kelvins in complete.items() if kelvins}
        shared = set.intersection(*complete.values()) if complete else set()
        if not shared:
            raise MissingData(
                f"{root} holds no scene with all eight directions at a common temperature, as"
                " Image000_4500_N.png ... Image000_4500_NW.png"
            )
        scene, kelvin = min(complete), min(shared)
        with Image.open(root / f"Image{scene:03d}_{kelvin}_{DIRECTIONS[0]}.png") as picture:
            size_px = picture.width
        cache: LRUCache[tuple[str, int], Picture] = LRUCache(_CACHE_BYTES, lambda p: p.nbytes)
        return cls(root, size_px, tuple(sorted(complete)), tuple(sorted(shared)), cache)

    def only(self, scenes: Iterable[int]) -> ViditFolder:
        """Return the same folder with only these of its scenes."""
        return replace(self, scenes=tuple(scenes))

    def split(self, num_held_out: int) -> tuple[ViditFolder, ViditFolder]:
        """Return the folder without its first scenes, and those.

        The first, because a folder that is still being rendered grows at its end.

        Raises:
            MissingData: nothing would be left.
        """
        if not 0 < num_held_out < len(self.scenes):
            raise MissingData(
                f"{self.root} has {len(self.scenes)} scenes: cannot hold out {num_held_out}"
            )
        return self.only(self.scenes[num_held_out:]), self.only(self.scenes[:num_held_out])

    def require(self, size_px: int) -> None:
        """Refuse to enlarge.

        Raises:
            MissingData: the pictures are smaller than `size_px`.
        """
        if size_px > self.size_px:
            raise MissingData(
                f"{size_px} px are wanted; the pictures in {self.root} have {self.size_px} px"
            )

    def picture(self, scene: int, light: Light, size_px: int) -> Picture:
        """Return a scene under a light, (size_px, size_px, 3), resized by area."""
        kelvin = light.temperature_k
        if kelvin in self.temperatures_k:
            return self._read(f"Image{scene:03d}_{kelvin}_{light.direction}.png", size_px)
        return render_srgb(self.scene_linear(scene, light, size_px))

    def scene_linear(self, scene: int, light: Light, size_px: int) -> SceneLinear:
        """Return the same in scene-linear light, behind the renderer's tone curve."""
        source_k = min(self.temperatures_k, key=lambda k: abs(k - light.temperature_k))
        name = f"Image{scene:03d}_{source_k}_{light.direction}.png"
        linear = aces_inverse(srgb_to_linear(_as_float(self._read(name, size_px))))
        if source_k == light.temperature_k:
            return linear
        gain = temperature_gain(source_k, light.temperature_k).astype(np.float32)
        return np.asarray(linear * gain)

    def shadow_free(self, scene: int, size_px: int) -> Picture:
        """Return a scene without shadows, (size_px, size_px, 3).

        Raises:
            MissingData: it has not been made yet.
        """
        return self._read(f"{SHADOW_FREE_FOLDER}/Image{scene:03d}.png", size_px)

    def _read(self, name: str, size_px: int) -> Picture:
        key = (name, size_px)
        picture = self._pictures.get(key)
        if picture is None:
            self._pictures[key] = picture = _read_picture(self.root / name, size_px)
        return picture


def _read_picture(path: Path, size_px: int) -> Picture:
    codes = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if codes is None:
        raise MissingData(f"{path} is missing or cannot be read")
    if codes.shape[:2] != (size_px, size_px):
        codes = cv2.resize(codes, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return np.asarray(codes, dtype=np.uint8)


def render_srgb(linear: SceneLinear) -> Picture:
    """Return scene-linear light as sRGB codes through the renderer's tone curve."""
    return np.asarray(np.rint(linear_to_srgb(aces(linear)) * 255), dtype=np.uint8)


def _as_float(picture: Picture) -> npt.NDArray[np.float32]:
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


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
        scene = int(rng.choice(self._folder.scenes))
        light = Light(str(rng.choice(DIRECTIONS)), int(rng.choice(self._vary.temperatures_k)))
        flipped = bool(rng.random() < self._vary.mirror)
        index = int(rng.integers(len(self._lights)))
        wanted = self._lights[index].mirrored if flipped else self._lights[index]
        image, relit = self._under_both(scene, light, wanted, rng)
        target = relit
        if self._stage.target == "shadow_free":
            target = self._folder.shadow_free(scene, self._stage.size_px)
        if flipped:
            image, target = image[:, ::-1], target[:, ::-1]
        return Pair(to_tensor(image), to_tensor(target), torch.tensor(index))

    def _under_both(
        self, scene: int, light: Light, wanted: Light, rng: np.random.Generator
    ) -> tuple[Picture, Picture]:
        """Return the scene under `light` and under `wanted`, with the same variation."""
        size_px = self._stage.size_px
        gain = np.float32(2 ** rng.uniform(*self._vary.exposure_stops))
        share = float(rng.random() < self._vary.ambient) * rng.uniform(0, self._vary.max_ambient)
        pictures = []
        for each in (light, wanted):
            linear = self._folder.scene_linear(scene, each, size_px)
            if share:  # of soft light in the lamp's own colour
                linear = linear + np.float32(share) * self._ambient(scene, each.temperature_k)
            pictures.append(render_srgb(linear * gain))
        return pictures[0], pictures[1]

    def _ambient(self, scene: int, temperature_k: int) -> SceneLinear:
        """Return the mean of the scene's eight lights: a light from all sides."""
        size_px = self._stage.size_px
        lights = (Light(direction, temperature_k) for direction in DIRECTIONS)
        total = sum(self._folder.scene_linear(scene, light, size_px) for light in lights)
        return np.asarray(total / len(DIRECTIONS), dtype=np.float32)


def to_tensor(picture: Picture) -> Tensor:
    """Return a picture (h, w, 3) as (3, h, w) in [-1, 1]."""
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1), dtype=np.float32)
    return torch.from_numpy(planes / 127.5 - 1)


def to_picture(planes: Tensor) -> Picture:
    """Return planes (3, h, w) in [-1, 1] as a picture (h, w, 3)."""
    codes = ((planes.detach().float().clamp(-1, 1) + 1) * 127.5).round()
    return codes.permute(1, 2, 0).to("cpu", torch.uint8).numpy()
