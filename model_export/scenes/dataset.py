"""A data set in VIDIT's layout: rendered scene by scene, resumed where it stopped."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing, contextmanager
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import TypeAlias

import drjit as dr
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from model_export.scenes import variants
from model_export.scenes.description import Scene
from model_export.scenes.everyday.skies import darkness
from model_export.scenes.everyday.viditlike import composed
from model_export.scenes.generate import render_maps
from model_export.scenes.layouts import LAYOUTS, describe
from model_export.scenes.maps import NIGHT_LAYOUT, SceneMaps, save_maps
from model_export.scenes.names import LAMP_TEMPERATURE_K, image_name, maps_name
from model_export.scenes.rendering import render
from model_export.scenes.tone_mapping import is_usable, tone_map
from relight.atomic import replacing
from relight.lights import DIRECTIONS

NUM_ATTEMPTS = 20
PROBE_PX = 40
MAPS_SAMPLES = 4
RECIPE = "scenes.json"

_Task: TypeAlias = tuple[Path, int, int, int, int, bool]


def render_scenes(
    out_dir: Path,
    *,
    num_scenes: int,
    first_scene: int = 0,
    seed: int = 0,
    size_px: int = 256,
    samples: int = 16,
    variant: str | None = None,
    jobs: int = 1,
    with_maps: bool = False,
) -> None:
    """Render procedural scenes under VIDIT's eight light directions at 4500 K.

    Scenes whose eight files exist are left as they are, so a run that was stopped goes on
    where it was. SIGINT and SIGTERM stop it without leaving half a scene.

    Args:
        out_dir: folder for `Image{scene:03d}_4500_{direction}.png` and `scenes.json`.
        num_scenes: how many scenes.
        first_scene: number of the first.
        seed: together with a scene's number, all that the scene depends on.
        size_px: width and height of the pictures.
        samples: samples per pixel.
        variant: Mitsuba's variant; see `variants.activate`.
        jobs: processes; each takes its share of the cores.
        with_maps: write `Image{scene:03d}_maps.npz` beside: what the camera sees as `SceneMaps`,
            with lamps of its own; load it with `maps.load_maps`.

    Raises:
        ValueError: the variant cannot be had or gives no maps, or the folder holds scenes of
            another recipe.
        KeyboardInterrupt: the run was stopped; everything that was complete is kept.
    """
    variant = variants.activate(variant)
    if with_maps and variant.startswith("scalar"):
        raise ValueError(f"maps need an array variant such as llvm_ad_rgb, not {variant}")
    out_dir.mkdir(parents=True, exist_ok=True)
    _write_recipe(out_dir, seed=seed, size_px=size_px, samples=samples, variant=variant)
    scenes = range(first_scene, first_scene + num_scenes)
    todo = [k for k in scenes if not _is_complete(out_dir, k, with_maps=with_maps)]
    tasks = [(out_dir, seed, scene, size_px, samples, with_maps) for scene in todo]
    bar = tqdm(total=num_scenes, initial=num_scenes - len(todo), unit="scene")
    with _stop_signals(), bar, closing(_rendered(tasks, jobs, variant)) as kinds:
        for kind in kinds:
            bar.set_postfix_str(kind)
            bar.update()


def _rendered(tasks: Sequence[_Task], jobs: int, variant: str) -> Generator[str, None, None]:
    """Carry out tasks and yield the kind of each scene that is done."""
    if jobs == 1:
        for task in tasks:
            yield _render_scene(*task)
        return
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ProcessPoolExecutor(
        jobs, get_context("spawn"), initializer=_start_worker, initargs=(variant, threads)
    ) as pool:
        try:
            for future in as_completed([pool.submit(_render_scene, *task) for task in tasks]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)  # waits for the scenes in hand


def scene_images(
    seed: int, scene: int, *, size_px: int, samples: int
) -> tuple[str, NDArray[np.uint8]]:
    """Render one scene with the active variant; attempts that cannot be used are thrown away.

    Returns:
        The kind of scene, and (8, size_px, size_px, 3) uint8 in the order of `DIRECTIONS`.

    Raises:
        RuntimeError: no attempt was usable.
    """
    description, rng = _usable_scene(seed, scene)
    frames = render(description, size_px=size_px, samples=samples, rng=rng)
    return description.kind, tone_map(frames, description.mean_level)


def scene_maps(seed: int, scene: int, *, size_px: int) -> SceneMaps:
    """Render the maps of the scene that `scene_images` shows, through the same camera.

    Raises:
        RuntimeError: no attempt was usable.
        EmptyView: the camera sees too little for maps.
    """
    description, _ = _usable_scene(seed, scene)
    rng = np.random.default_rng([seed, scene, 1])
    composition = composed(rng, description, description.camera, darkness(rng), NIGHT_LAYOUT)
    return render_maps(composition, rng, size_px=size_px, samples_per_pixel=MAPS_SAMPLES)


def _usable_scene(seed: int, scene: int) -> tuple[Scene, np.random.Generator]:
    """Describe attempts at a scene until a probe can be used; with chance for its samples."""
    for attempt in range(NUM_ATTEMPTS):
        description = describe(seed, scene, attempt)
        seeds = np.random.SeedSequence([seed, scene, attempt]).spawn(2)
        probe, final = (np.random.default_rng(s) for s in seeds)
        if is_usable(render(description, size_px=PROBE_PX, samples=1, rng=probe)):
            return description, final
    raise RuntimeError(f"scene {scene} of seed {seed}: {NUM_ATTEMPTS} attempts, none was usable")


def _render_scene(  # noqa: PLR0917 - one task of a pool
    out_dir: Path, seed: int, scene: int, size_px: int, samples: int, with_maps: bool
) -> str:
    """Render and write one scene; its files get their names only when all eight are there."""
    if with_maps:
        save_maps(scene_maps(seed, scene, size_px=size_px), out_dir / maps_name(scene))
    kind, images = scene_images(seed, scene, size_px=size_px, samples=samples)
    written = []
    try:
        for direction, image in zip(DIRECTIONS, images, strict=True):
            path = out_dir / image_name(scene, direction)
            written.append((path.with_suffix(".part"), path))
            Image.fromarray(image).save(written[-1][0], format="PNG")
        for part, path in written:
            part.replace(path)
    finally:
        for part, _ in written:
            part.unlink(missing_ok=True)
    return kind


def _is_complete(out_dir: Path, scene: int, *, with_maps: bool) -> bool:
    names = [image_name(scene, direction) for direction in DIRECTIONS]
    names += [maps_name(scene)] if with_maps else []
    return all((out_dir / name).exists() for name in names)


def _write_recipe(out_dir: Path, *, seed: int, size_px: int, samples: int, variant: str) -> None:
    """Write down how to make this data set again; refuse to mix two recipes in one folder."""
    path = out_dir / RECIPE
    recipe = {
        "format": "relight-scenes/1",
        "seed": seed,
        "size_px": size_px,
        "samples": samples,
        "variant": variant,
        "temperature_k": LAMP_TEMPERATURE_K,
        "directions": list(DIRECTIONS),
        "kinds": list(LAYOUTS),
        "versions": {name: version(name) for name in ("mitsuba", "drjit", "numpy", "scipy")},
    }
    if path.exists():
        there = json.loads(path.read_text())
        changed = [key for key in ("seed", "size_px", "samples") if there[key] != recipe[key]]
        if changed:
            raise ValueError(
                f"{out_dir} holds scenes with another {', '.join(changed)}; see {RECIPE}"
            )
        return
    with replacing(path) as stream:
        stream.write((json.dumps(recipe, indent=2) + "\n").encode())


def _start_worker(variant: str, num_threads: int) -> None:
    """Prepare a worker: the parent alone answers to Ctrl-C, workers end with their scene."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    variants.activate(variant)
    dr.set_thread_count(num_threads)


@contextmanager
def _stop_signals() -> Iterator[None]:
    """Let SIGTERM stop the run as Ctrl-C does."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(f"stopped by {signal.Signals(signum).name}")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
