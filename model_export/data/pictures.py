"""Provides the pictures of a folder: from files, or from the memory of a device.

A GPU that trains faster than the host's processes read and vary pictures would wait for them. On
a GPU, all pictures of the folder stay in its memory as codes: 1.6 MB per scene of 256 px.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from model_export.data.sources import Picture
from model_export.data.vidit import ViditFolder
from relight.lights import DIRECTIONS, Light

_READ_AT_ONCE: Final = 64  # scenes


class Pictures(Protocol):
    """The pictures of a folder.

    Attributes:
        device: device of the returned pictures.
    """

    device: torch.device

    def stored(self, scenes: Sequence[int], lights: Sequence[Light], size_px: int) -> Tensor:
        """Return scene i under light i, uint8 (n, 3, h, w).

        Args:
            scenes: numbers of n scenes.
            lights: n lights that the folder stores.
            size_px: h and w.
        """
        ...

    def shadow_free(self, scenes: Sequence[int], size_px: int) -> Tensor:
        """Return the scenes without shadows, uint8 (n, 3, h, w).

        Raises:
            MissingData: a picture has not been made yet.
        """
        ...


class FolderPictures:
    """Reads pictures on demand."""

    device = torch.device("cpu")

    def __init__(self, folder: ViditFolder) -> None:
        self._folder = folder

    def stored(self, scenes: Sequence[int], lights: Sequence[Light], size_px: int) -> Tensor:
        """Return scene i under light i; see `Pictures`."""
        named = zip(scenes, lights, strict=True)
        return _planes(self._folder.picture(scene, light, size_px) for scene, light in named)

    def shadow_free(self, scenes: Sequence[int], size_px: int) -> Tensor:
        """Return the scenes without shadows; see `Pictures`."""
        return _planes(self._folder.shadow_free(scene, size_px) for scene in scenes)


class ResidentPictures:
    """Reads all pictures once and keeps them on a device.

    Args:
        folder: the folder.
        sizes_px: the sizes in use.
        shadow_free: whether to read the scenes without shadows.
        device: the device that keeps them.

    Raises:
        MissingData: a picture cannot be read.
        torch.OutOfMemoryError: the device has too little memory.
    """

    def __init__(
        self, folder: ViditFolder, sizes_px: Iterable[int], shadow_free: bool, device: torch.device
    ) -> None:
        self.device = device
        self._row = {scene: row for row, scene in enumerate(folder.scenes)}
        lights = [Light(way, k) for k in folder.temperatures_k for way in DIRECTIONS]
        self._column = {light: column for column, light in enumerate(lights)}
        self._stored: dict[int, Tensor] = {}
        self._shadow_free: dict[int, Tensor] = {}

        def all_lights(scene: int) -> Tensor:
            return _planes(folder.read(scene, light, size_px) for light in lights)

        def no_shadows(scene: int) -> Tensor:
            return _planes([folder.read_shadow_free(scene, size_px)])

        for size_px in sorted(set(sizes_px)):
            self._stored[size_px] = self._read_all(f"{size_px} px", all_lights)
            if shadow_free:
                self._shadow_free[size_px] = self._read_all("shadow-free", no_shadows)[:, 0]

    def stored(self, scenes: Sequence[int], lights: Sequence[Light], size_px: int) -> Tensor:
        """Return scene i under light i; see `Pictures`."""
        columns = to_device([self._column[light] for light in lights], self.device)
        return self._stored[size_px][self._rows(scenes), columns]

    def shadow_free(self, scenes: Sequence[int], size_px: int) -> Tensor:
        """Return the scenes without shadows; see `Pictures`."""
        return self._shadow_free[size_px][self._rows(scenes)]

    def _rows(self, scenes: Sequence[int]) -> Tensor:
        return to_device([self._row[scene] for scene in scenes], self.device)

    def _read_all(self, what: str, read: Callable[[int], Tensor]) -> Tensor:
        """Return the pictures of every scene, (scenes, ..., 3, h, w), on the device."""
        scenes = list(self._row)
        first = read(scenes[0])
        whole = torch.empty((len(scenes), *first.shape), dtype=torch.uint8, device=self.device)
        bar = tqdm(total=len(scenes), desc=what, unit="scene")
        with ThreadPoolExecutor() as threads, bar:
            for start in range(0, len(scenes), _READ_AT_ONCE):  # the host keeps no further copies
                some = threads.map(read, scenes[start : start + _READ_AT_ONCE])
                for row, planes in enumerate(some, start):
                    whole[row] = planes.to(self.device)
                    bar.update()
        return whole


def _planes(pictures: Iterable[Picture]) -> Tensor:
    """Return pictures (h, w, 3) as uint8 (n, 3, h, w)."""
    return torch.from_numpy(np.stack([picture.transpose(2, 0, 1) for picture in pictures]))


def to_device(numbers: npt.ArrayLike, device: torch.device) -> Tensor:
    """Return numbers on a device, float32 or int64, without waiting for the device."""
    array = np.asarray(numbers)
    kind = np.int64 if array.dtype.kind in "iu" else np.float32
    return torch.from_numpy(array.astype(kind)).to(device, non_blocking=True)
