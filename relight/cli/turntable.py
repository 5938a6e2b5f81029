"""An animation of one photo under a lamp that goes round it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from relight.cli import webp
from relight.cli.connection import CannotStart, connected, what_to_install
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


def make_turntable(
    photo: Path, out: Path, *, mask: Path | None, url: str | None, key: str | None, options: Options
) -> tuple[bytes, Relit]:
    """Return the file of an animation, and the relit photo of its first frame.

    The lamp goes clockwise, seen from above, from `azimuth` or else from image right. In this
    process the photo is made smaller first; the scene is read once.

    Args:
        photo: an image file.
        out: the name says the format: `.webp` or `.gif`.
        mask: white where to relight.
        url: address of a service; None to work in this process.
        key: for the service.
        options: of each frame.

    Raises:
        CannotStart: the name has another suffix, a package is missing, or an option contradicts.
        RelightError: a frame failed.
        OSError: a file cannot be read.
    """
    write = _writer(out)
    for name in _FIXED:
        if name in options:
            raise CannotStart(f"--{name} does not go with --turntable")
    if url is None:
        small, small_mask = _small_copies(photo, mask)
    else:
        small, small_mask = photo.read_bytes(), None if mask is None else mask.read_bytes()

    async def run() -> list[Relit]:
        async with connected(url, key, timeout_s=_TIMEOUT_S, repeats=True) as client:
            return await _frames(client, small, small_mask, options)

    frames = asyncio.run(run())
    return write([frame.data for frame in frames], _FRAME_MS), frames[0]


async def _frames(
    client: Relighting, photo: bytes, mask: bytes | None, options: Options
) -> list[Relit]:
    start_deg = options.get("azimuth", _START_DEG)
    each: Options = {"quality": _QUALITY, **options, "format": "webp"}
    frames: list[Relit] = []
    for k in range(NUM_FRAMES):
        each["azimuth"] = round((start_deg + 360 * k / NUM_FRAMES) % 360, 3)
        frame = await client.relight(photo, mask=mask, **each)
        if not frames and max(webp.size_of(frame.data)) > _MAX_SIDE_PX:
            each["detail"] = "model"
            frame = await client.relight(photo, mask=mask, **each)
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


def _small_copies(photo: Path, mask: Path | None) -> tuple[bytes, bytes | None]:
    try:
        from relight.cli import local  # noqa: PLC0415 - its packages may not be installed
        from service.settings import InvalidSettings  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise CannotStart(f"{what_to_install(error)}; or use a service with --url") from None
    mask_data = None if mask is None else mask.read_bytes()
    try:
        return local.small_copies(photo.read_bytes(), mask_data, _LOCAL_SIDE_PX)
    except InvalidSettings as error:
        raise CannotStart(str(error)) from None
