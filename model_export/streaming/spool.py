"""Scenes that are rendered without end into a folder that stays small.

A process renders scene after scene and removes the oldest beyond a number. A reader takes in
what is new. What lies there when a run stops serves the next one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from zipfile import BadZipFile

from model_export.scenes.generate import EmptyView, generate_scene
from model_export.scenes.maps import SceneMaps, load_maps, save_maps

_log = logging.getLogger(__name__)


class SpoolReader:
    """Reads each scene of a folder once, the oldest first.

    Args:
        folder: the spool.
        share: the part of the scenes to read, from 0.
        num_shares: parts into which readers divide the scenes, by their seeds.
    """

    def __init__(self, folder: Path, share: int = 0, num_shares: int = 1) -> None:
        self._folder = folder
        self._share, self._num_shares = share, num_shares
        self._seen: set[str] = set()

    def new_scenes(self) -> Iterator[SceneMaps]:
        """Yield the scenes that have come since the last call."""
        names = {
            path.name
            for path in self._folder.glob("[0-9]*.npz")
            if int(path.stem) % self._num_shares == self._share
        }
        for name in sorted(names - self._seen):
            self._seen.add(name)
            try:
                yield load_maps(self._folder / name)
            except FileNotFoundError:  # the renderer has removed it meanwhile
                continue
            except (BadZipFile, KeyError, ValueError) as error:
                _log.warning("%s is no scene: %s", name, error)
        self._seen &= names


def render_endlessly(
    folder: Path, *, first_seed: int, step: int, size_px: int, capacity: int
) -> None:
    """Render seeds `first_seed`, `first_seed + step`, ... until the parent process has gone.

    Args:
        folder: where the scenes go.
        first_seed: of this process, where the folder is empty; else it goes on behind the last.
        step: between two seeds: the number of processes that render into the folder.
        size_px: side of the pictures.
        capacity: scenes that the folder holds at most.
    """
    parent = os.getppid()
    seed = first_seed
    if done := [int(path.stem) for path in folder.glob("[0-9]*.npz")]:
        seed += -(-(max(done) + 1 - first_seed) // step) * step
    while os.getppid() == parent:
        try:
            save_maps(generate_scene(seed, size_px=size_px), folder / f"{seed:07d}.npz")
        except EmptyView:
            _log.debug("seed %d shows too little", seed)
        seed += step
        for path in sorted(folder.glob("[0-9]*.npz"))[:-capacity]:
            path.unlink(missing_ok=True)


@contextmanager
def renderers(
    folder: Path, num_processes: int, *, seed: int, size_px: int, capacity: int
) -> Iterator[None]:
    """Let processes render into a folder while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    processes = [
        get_context("spawn").Process(
            target=render_endlessly,
            args=(folder,),
            kwargs={
                "first_seed": seed + each,
                "step": num_processes,
                "size_px": size_px,
                "capacity": capacity,
            },
            daemon=True,
        )
        for each in range(num_processes)
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()
