"""Reads scenes in VIDIT's layout, real or rendered.

    Image007_4500_NE.png          scene 7, 4500 K, light from the north-east
    A_d_NE.png                    scene A of VIDIT's published animations, temperature unknown
    shadow_free/Image007.png      the scene without shadows (`model_export.data.fusion`)

The files are in a folder or a downloaded archive (`VIDIT_train.zip`, also the training data of AIM
2020's tracks 2 and 3), at any depth. VIDIT has every light as a file. A rendered folder has one
temperature; the others are computed from it in scene-linear light, where a lamp's colour is a gain
on each channel.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache
from PIL import Image

from model_export.data.sources import MissingData, Picture, Source, read_picture
from relight.lights import DIRECTIONS, Light
from service.contract.color import (
    aces,
    aces_inverse,
    linear_to_srgb,
    srgb_to_linear,
    temperature_gain,
)

SceneLinear = npt.NDArray[np.float32]  # (h, w, 3), 0 to infinity

_CACHE_BYTES: Final = 2**31  # decoded pictures, in each process that draws pairs
SHADOW_FREE_FOLDER: Final = "shadow_free"
_DIRECTION: Final = "(N|NE|E|SE|S|SW|W|NW)"
_FILE_NAME: Final = re.compile(rf"Image(\d{{3,}})_(\d{{4,5}})_{_DIRECTION}\.png")
_FRAME_NAME: Final = re.compile(rf"([A-Z])_d_{_DIRECTION}\.png")
_FRAME_TEMPERATURE_K: Final = 4500  # unknown; input and target of a frame have the same


@dataclass(frozen=True, slots=True)
class ViditFolder:
    """Scenes in VIDIT's layout.

    Attributes:
        root: the folder or the archive.
        size_px: side of its pictures.
        scenes: numbers of the scenes that have all eight directions, ascending.
        temperatures_k: colour temperatures that all of these scenes have as files.
    """

    root: Path
    size_px: int
    scenes: tuple[int, ...]
    temperatures_k: tuple[int, ...]
    _source: Source = field(repr=False, compare=False)
    _files: Mapping[tuple[int, Light], str] = field(repr=False, compare=False)
    _pictures: LRUCache[tuple[str, int], Picture] = field(repr=False, compare=False)

    @classmethod
    def open(cls, root: Path) -> ViditFolder:
        """List the scenes and lights of a folder or an archive.

        Raises:
            MissingData: it does not exist, has no complete scene, or has one picture twice.
        """
        source = Source(root)
        files = _files_by_light(source)
        lights: dict[int, set[Light]] = {}
        for scene, light in files:
            lights.setdefault(scene, set()).add(light)
        complete = {scene: _complete_temperatures(lights[scene]) for scene in lights}
        complete = {scene: kelvins for scene, kelvins in complete.items() if kelvins}
        shared = set.intersection(*complete.values()) if complete else set()
        if not shared:
            raise MissingData(
                f"{root} holds no scene with all eight directions at a common temperature, as"
                f" Image000_4500_N.png ... Image000_4500_NW.png ({_what_there_is(lights)})"
            )
        first = files[min(complete), Light(DIRECTIONS[0], min(shared))]
        with Image.open(io.BytesIO(source.read(first))) as picture:
            size_px = picture.width
        cache: LRUCache[tuple[str, int], Picture] = LRUCache(_CACHE_BYTES, lambda p: p.nbytes)
        scenes, kelvins = tuple(sorted(complete)), tuple(sorted(shared))
        return cls(root, size_px, scenes, kelvins, source, files, cache)

    @property
    def shadow_free_folder(self) -> Path:
        """Folder of the shadow-free pictures: in the folder, or beside the archive."""
        if self.root.is_dir():
            return self.root / SHADOW_FREE_FOLDER
        return self.root.with_suffix(f".{SHADOW_FREE_FOLDER}")

    def only(self, scenes: Iterable[int]) -> ViditFolder:
        """Return the same folder restricted to these scenes."""
        return replace(self, scenes=tuple(scenes))

    def split(self, num_held_out: int) -> tuple[ViditFolder, ViditFolder]:
        """Return the folder without its first scenes, and a folder of those.

        These are the first ones, because a folder grows at its end while it is rendered.

        Raises:
            MissingData: no scene would be left.
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
            return self._read(scene, light, size_px)
        return render_srgb(self.scene_linear(scene, light, size_px))

    def scene_linear(self, scene: int, light: Light, size_px: int) -> SceneLinear:
        """Return the same in scene-linear light, with the renderer's tone curve undone."""
        stored = self.stored_light(light)
        linear = to_scene_linear(self._read(scene, stored, size_px))
        if stored == light:
            return linear
        gain = temperature_gain(stored.temperature_k, light.temperature_k).astype(np.float32)
        return np.asarray(linear * gain)

    def stored_light(self, light: Light) -> Light:
        """Return the stored light from which to compute a light: the nearest temperature."""
        kelvin = min(self.temperatures_k, key=lambda k: abs(k - light.temperature_k))
        return Light(light.direction, kelvin)

    def shadow_free(self, scene: int, size_px: int) -> Picture:
        """Return a scene without shadows, (size_px, size_px, 3).

        Raises:
            MissingData: the picture has not been made yet.
        """
        key = (f"{SHADOW_FREE_FOLDER}/{scene}", size_px)
        return self._cached(key, lambda: self.read_shadow_free(scene, size_px))

    def read(self, scene: int, stored: Light, size_px: int) -> Picture:
        """Read a stored picture without caching it; thread-safe."""
        return read_picture(self._source, self._files[scene, stored], size_px)

    def read_shadow_free(self, scene: int, size_px: int) -> Picture:
        """Read a scene without shadows, without caching it; thread-safe."""
        return read_picture(Source(self.shadow_free_folder), f"Image{scene:03d}.png", size_px)

    def _read(self, scene: int, stored: Light, size_px: int) -> Picture:
        key = (self._files[scene, stored], size_px)
        return self._cached(key, lambda: self.read(scene, stored, size_px))

    def _cached(self, key: tuple[str, int], read: Callable[[], Picture]) -> Picture:
        picture = self._pictures.get(key)
        if picture is None:
            self._pictures[key] = picture = read()
        return picture


def names_lights(root: Path) -> bool:
    """Return whether a folder or an archive has pictures with lights in their names.

    Raises:
        MissingData: the path is neither, or has a picture twice.
    """
    return bool(_files_by_light(Source(root)))


def _files_by_light(source: Source) -> dict[tuple[int, Light], str]:
    """Return the file of each scene under each light; animation frames only if no others exist.

    Raises:
        MissingData: two files are the same picture.
    """
    found: dict[tuple[int, Light], str] = {}
    frames: dict[tuple[int, Light], str] = {}
    for name in source.names():
        base = PurePosixPath(name).name
        if match := _FILE_NAME.fullmatch(base):
            scene, kelvin, direction = match.groups()
            table, key = found, (int(scene), Light(direction, int(kelvin)))
        elif match := _FRAME_NAME.fullmatch(base):
            letter, direction = match.groups()
            table, key = frames, (ord(letter) - ord("A"), Light(direction, _FRAME_TEMPERATURE_K))
        else:
            continue
        if key in table:
            raise MissingData(f"{source.root} holds a picture twice: {table[key]} and {name}")
        table[key] = name
    return found or frames


def _complete_temperatures(lights: set[Light]) -> set[int]:
    """Return the temperatures at which all eight directions exist."""
    return {
        light.temperature_k
        for light in lights
        if all(Light(direction, light.temperature_k) in lights for direction in DIRECTIONS)
    }


def _what_there_is(lights: Mapping[int, set[Light]]) -> str:
    if not lights:
        return "there is no file of such a name"
    scene = min(lights)
    return f"scene {scene} has {', '.join(sorted(map(str, lights[scene])))}"


def render_srgb(linear: SceneLinear) -> Picture:
    """Return scene-linear light as sRGB codes through the renderer's tone curve."""
    return np.asarray(np.rint(linear_to_srgb(aces(linear)) * 255), dtype=np.uint8)


def to_scene_linear(picture: Picture) -> SceneLinear:
    """Return the scene-linear light of sRGB codes: the inverse of `render_srgb`."""
    return aces_inverse(linear_of_codes()[picture])


@cache
def linear_of_codes() -> SceneLinear:
    """Return the linear light of each of the 256 sRGB codes."""
    return srgb_to_linear(np.arange(256, dtype=np.float32) / np.float32(255))
