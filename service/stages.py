"""What the CPU does for a request, before and after the model.

    prepare   bytes -> photo -> bucket -> sRGB
    finish    shading, temperature, fill, strength -> photo colour space -> detail -> bytes

Temperature, fill and strength act on the small picture, in sRGB; detail carries them to
the full size, in the photo's own colour space.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from service import color, detail, profiles
from service.buckets import Bucket, choose_bucket, fit, unfit
from service.imaging import ImageLimits, Photo, decode, encode
from service.options import RelightOptions
from service.shading import NEUTRAL_K, shade


@dataclass(slots=True)
class Timings:
    """How long each stage took, in seconds, in the order of the trip, and where it is now."""

    stages_s: dict[str, float] = field(default_factory=dict)
    spans: list[tuple[str, float, float]] = field(default_factory=list)  # name, start, end
    batch_size: int = 0
    place: str = "read"

    def add(self, name: str, started_s: float, ended_s: float) -> None:
        """Note a stage with its times on the monotonic clock."""
        self.stages_s[name] = ended_s - started_s
        self.spans.append((name, started_s, ended_s))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block as the stage `name`."""
        started_s = time.monotonic()
        try:
            yield
        finally:
            self.add(name, started_s, time.monotonic())


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A decoded photo with its small version.

    Attributes:
        photo: the full-size picture.
        canvas: uint8 (bucket h, bucket w, 3), in the photo's colour space.
        image: the same in sRGB, as the network sees it.
    """

    photo: Photo
    canvas: NDArray[np.uint8]
    image: NDArray[np.uint8]

    @property
    def num_bytes(self) -> int:
        """Bytes of memory that it holds."""
        alpha = self.photo.alpha
        num_bytes = self.photo.pixels.nbytes + self.canvas.nbytes + self.image.nbytes
        return num_bytes + (0 if alpha is None else alpha.nbytes)


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """What a model made of a prepared photo.

    Attributes:
        image: float32 (bucket h, bucket w, 3), sRGB-encoded, 0 to 1.
        temperature_k: temperature of the light that it shows.
    """

    image: NDArray[np.float32]
    temperature_k: int


def prepare(
    data: bytes, limits: ImageLimits, buckets: Sequence[Bucket], timings: Timings
) -> Prepared:
    """Read an image file and fit it into one of a model's buckets.

    Raises:
        ImageError: the picture is wrong.
    """
    with timings.stage("decode"):
        photo = decode(data, limits)
        canvas = fit(photo.pixels, choose_bucket(photo.width_px, photo.height_px, buckets))
        image = profiles.to_srgb(canvas, photo.icc_profile)
    return Prepared(photo, canvas, image)


def finish(
    prepared: Prepared,
    rendered: Rendered | None,
    options: RelightOptions,
    format_name: str,
    timings: Timings,
) -> bytes:
    """Return the answer's image file.

    Args:
        prepared: the photo.
        rendered: its relit version; None gives the photo itself.
        options: what is asked for.
        format_name: a key of `service.formats.FORMATS`.
        timings: filled on the way.
    """
    photo = prepared.photo
    size = (photo.width_px, photo.height_px)
    low_in = low_out = _unit(unfit(prepared.canvas, *size))
    if rendered is not None:
        with timings.stage("color"):
            relit = _light(_unit(prepared.image), rendered, options)
            low_relit = np.ascontiguousarray(unfit(relit, *size))
            low_out = profiles.from_srgb(low_relit, photo.icc_profile)
    with timings.stage("detail"):
        if options.detail == "model":
            photo = _small(photo, low_out)
        elif rendered is not None:
            photo = replace(photo, pixels=detail.transfer(photo.pixels, low_in, low_out))
    with timings.stage("encode"):
        keep = options.metadata == "keep"
        return encode(photo, format_name, quality=options.quality, keep_metadata=keep)


def _light(
    original: NDArray[np.float32], rendered: Rendered, options: RelightOptions
) -> NDArray[np.float32]:
    """Turn what the model rendered into what was asked for; all float32 (h, w, 3) sRGB."""
    relit = np.clip(rendered.image, 0, 1)
    if options.color == "photo":
        relit = shade(original, relit)
    own_k = own_temperature_k(options, rendered.temperature_k)
    relit = color.change_temperature(relit, own_k, options.wanted_temperature_k or own_k)
    relit = color.fill_light(original, relit, options.fill)
    return color.blend(original, relit, options.strength)


def own_temperature_k(options: RelightOptions, model_k: int) -> int:
    """Return the temperature of the new light before any change of it."""
    return NEUTRAL_K if options.color == "photo" else model_k


def _small(photo: Photo, low_out: NDArray[np.float32]) -> Photo:
    """Return the photo at the size of `low_out`, its proportions restored, never enlarged."""
    rows, columns = low_out.shape[:2]
    scale = min(1.0, rows / photo.height_px, columns / photo.width_px)
    size = (max(1, round(photo.width_px * scale)), max(1, round(photo.height_px * scale)))
    pixels = cv2.resize(low_out, size, interpolation=cv2.INTER_AREA)
    alpha = photo.alpha
    if alpha is not None:
        alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.uint8)
    return replace(photo, pixels=np.rint(pixels * 255).astype(np.uint8), alpha=alpha)


def _unit(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    return codes.astype(np.float32) / np.float32(255)
