"""Makes an animation of one photo under a lamp that moves round it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from relight.cli import webp
from relight.cli.connection import CannotStart, connected, in_this_process, what_to_install
from relight.cli.folder import Relighting
from relight.client import Relit
from relight.options import Options

NUM_FRAMES: Final = 36
_FRAME_MS: Final = 90
_START_DEG: Final = 90.0  # at image right, as the default direction
_QUALITY: Final = 75
_LOCAL_SIDE_PX: Final = 640
_MAX_SIDE_PX: Final = 1280  # of an answer of a service; above, its frames have the network's size
_TIMEOUT_S: Final = 120.0  # for each frame
_FIXED: Final = ("direction", "light", "lights", "format", "detail")

Writer = Callable[[Sequence[bytes], int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The files of all frames, as `Client.relight` takes them."""

    photo: bytes
    mask: bytes | None = None
    depth: bytes | None = None


def read_scene(photo: Path, **companions: Path | None) -> Scene:
    """Read the files of all frames.

    Raises:
        OSError: one cannot be read.
    """
    given = {name: path.read_bytes() for name, path in companions.items() if path is not None}
    return Scene(photo=photo.read_bytes(), **given)


def make_turntable(
    scene: Scene, out: Path, *, url: str | None, key: str | None, options: Options
) -> tuple[bytes, Relit]:
    """Return the file of an animation, and the relit photo of its first frame.

    The lamp goes clockwise, seen from above, from `azimuth` or else from image right. In this
    process the photo is made smaller first; the scene is read once.

    Args:
        scene: the files of all frames.
        out: the name says the format: `.webp` or `.gif`.
        url: address of a service; None to work in this process.
        key: for the service.
        options: of each frame.

    Raises:
        CannotStart: the name has another suffix, a package is missing, or an option contradicts.
        RelightError: a frame failed.
    """
    write = _writer(out)
    for name in _FIXED:
        if name in options:
            raise CannotStart(f"--{name} does not go with --turntable")
    if url is None:
        scene = _small(scene)

    async def run() -> list[Relit]:
        async with connected(url, key, timeout_s=_TIMEOUT_S, repeats=True) as client:
            return await _frames(client, scene, options)

    frames = asyncio.run(run())
    return write([frame.data for frame in frames], _FRAME_MS), frames[0]


async def _frames(client: Relighting, scene: Scene, options: Options) -> list[Relit]:
    async def relit() -> Relit:
        return await client.relight(scene.photo, mask=scene.mask, depth=scene.depth, **each)

    start_deg = options.get("azimuth", _START_DEG)
    each: Options = {"quality": _QUALITY, **options, "format": "webp"}
    frames: list[Relit] = []
    for k in range(NUM_FRAMES):
        each["azimuth"] = round((start_deg + 360 * k / NUM_FRAMES) % 360, 3)
        frame = await relit()
        if not frames and max(webp.size_of(frame.data)) > _MAX_SIDE_PX:
            each["detail"] = "model"
            frame = await relit()
        frames.append(frame)
    return frames


def _writer(out: Path) -> Writer:
    suffix = out.suffix.lower()
    if suffix == ".webp":
        return webp.animate
    if suffix != ".gif":
        raise CannotStart(f"--turntable {out}: the name must end in .webp or .gif")
    try:
        from service.imaging.animation import write_gif  # noqa: PLC0415 - it may not be installed
    except ModuleNotFoundError as error:
        raise CannotStart(f"{what_to_install(error)}; or name a .webp file") from None
    return write_gif


def _small(scene: Scene) -> Scene:
    with in_this_process():
        from relight.cli import local  # noqa: PLC0415 - its packages may not be installed

        photo, mask = local.small_copies(scene.photo, scene.mask, _LOCAL_SIDE_PX)
    return replace(scene, photo=photo, mask=mask)
