"""Where training gets a folder's pictures from: its files, or the memory of a device.

A GPU that learns faster than processes on its host read and vary pictures would wait for them.
There, all pictures of the folder are kept as codes beside the network: 1.6 MB a scene of 256 px.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from model_export.data.sending import send
from model_export.data.sources import Picture
from model_export.data.vidit import ViditFolder
from relight.lights import DIRECTIONS, Light

_READ_AT_ONCE: Final = 64  # scenes


class Pictures(Protocol):
    """A folder's pictures.

    Attributes:
        device: where they are returned.
    """

    device: torch.device

    def stored(self, scenes: Sequence[int], lights: Sequence[Light], size_px: int) -> Tensor:
        """Return each scene under the light beside it, uint8 (n, 3, h, w).

        Args:
            scenes: numbers of n scenes.
            lights: n lights that the folder has as files.
            size_px: h and w.
        """
        ...

    def shadow_free(self, scenes: Sequence[int], size_px: int) -> Tensor:
        """Return the scenes without shadows, uint8 (n, 3, h, w).

        Raises:
            MissingData: one has not been made yet.
        """
        ...


class FolderPictures:
    """Reads them when they are asked for."""

    device = torch.device("cpu")

    def __init__(self, folder: ViditFolder) -> None:
        self._folder = folder

    def stored(self, scenes: Sequence[int], lights: Sequence[Light], size_px: int) -> Tensor:
        """Return each scene under the light beside it; see `Pictures`."""
        named = zip(scenes, lights, strict=True)
        return _planes(self._folder.picture(scene, light, size_px) for scene, light in named)

    def shadow_free(self, scenes: Sequence[int], size_px: int) -> Tensor:
        """Return the scenes without shadows; see `Pictures`."""
        return _planes(self._folder.shadow_free(scene, size_px) for scene in scenes)


class ResidentPictures:
    """Reads all of them once, and keeps them on a device.

    Args:
        folder: whose pictures.
        sizes_px: the sizes that will be asked for.
        shadow_free: whether the scenes without shadows will be.
        device: where to keep them.

    Raises:
        MissingData: a picture cannot be read.
        torch.OutOfMemoryError: the device has no room for them.
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
        """Return each scene under the light beside it; see `Pictures`."""
        columns = send([self._column[light] for light in lights], self.device)
        return self._stored[size_px][self._rows(scenes), columns]

    def shadow_free(self, scenes: Sequence[int], size_px: int) -> Tensor:
        """Return the scenes without shadows; see `Pictures`."""
        return self._shadow_free[size_px][self._rows(scenes)]

    def _rows(self, scenes: Sequence[int]) -> Tensor:
        return send([self._row[scene] for scene in scenes], self.device)

    def _read_all(self, what: str, read: Callable[[int], Tensor]) -> Tensor:
        """Return what is read of every scene, (scenes, ..., 3, h, w), on the device."""
        scenes = list(self._row)
        first = read(scenes[0])
        whole = torch.empty((len(scenes), *first.shape), dtype=torch.uint8, device=self.device)
        bar = tqdm(total=len(scenes), desc=what, unit="scene")
        with ThreadPoolExecutor() as threads, bar:
            for start in range(0, len(scenes), _READ_AT_ONCE):  # the host holds no more of them
                some = threads.map(read, scenes[start : start + _READ_AT_ONCE])
                for row, planes in enumerate(some, start):
                    whole[row] = planes.to(self.device)
                    bar.update()
        return whole


def _planes(pictures: Iterable[Picture]) -> Tensor:
    """Return pictures (h, w, 3) as uint8 (n, 3, h, w)."""
    return torch.from_numpy(np.stack([picture.transpose(2, 0, 1) for picture in pictures]))
