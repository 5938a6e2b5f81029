"""Reads photos for a model, within the budgets of memory and time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Final, TypeVar

from relight.errors import ImageError, ImageTooLarge, ImageTooSlow, InvalidOption, ServerFull
from service.contract.buckets import Bucket
from service.imaging import ImageLimits, Photo, ReadingCost, reading_cost
from service.imaging.photo import Codes
from service.inference.model import Model
from service.relighting.depth_map import Pixels, decode_depth
from service.relighting.etag import photo_digest
from service.relighting.kept_photos import KeptPhotos
from service.relighting.masking import decode_mask
from service.relighting.pipeline import Prepared, prepare
from service.telemetry.labels import Origin
from service.telemetry.metrics import Metrics
from service.telemetry.stage_timings import Timings
from service.traffic.cpu_pool import CpuPool, OverBudget, Step
from service.traffic.memory_budget import Holding

T = TypeVar("T")

# Hashed, and walked, faster than a thread wakes, whatever the file has in it.
_QUICKLY_HASHED_BYTES: Final = 500_000
_QUICKLY_WALKED_BYTES: Final = 16_384


class PhotoReader:
    """Decode photos and fit them into a model's buckets.

    Args:
        pool: threads for the CPU's work.
        photos: keeps photos for their further lights.
        limits: accepted sizes of images.
        decode_budget_s: time budget for decoding one image.
        max_working_bytes: most memory that reading one picture may take.
        metrics: counts overruns.
    """

    def __init__(
        self,
        pool: CpuPool,
        photos: KeptPhotos,
        *,
        limits: ImageLimits,
        decode_budget_s: float,
        max_working_bytes: int,
        metrics: Metrics,
    ) -> None:
        self._pool = pool
        self._photos = photos
        self._limits = limits
        self._decode_budget_s = decode_budget_s
        self._max_working_bytes = max_working_bytes
        self._metrics = metrics

    async def read(
        self,
        data: bytes,
        model: Model,
        holding: Holding,
        timings: Timings,
        *,
        body_bytes: int,
        full_size: bool,
        caller: str,
        key: Hashable = None,
    ) -> Prepared:
        """Read one photo; `holding` is grown by what is decoded beside the body of the request.

        A photo that was kept under `key` is not decoded again.

        Raises:
            ImageError: the image is invalid.
            ServerFull: there is too little memory for it.
        """
        kept = self._photos.get(key)
        if kept is not None:
            holding.grow_to(body_bytes + kept.num_bytes)
            return kept
        cost = await self._cost(data)
        if cost.peak_bytes > self._max_working_bytes:
            raise ImageTooLarge(
                f"reading the image takes {cost.peak_bytes} bytes of memory; the server has "
                f"{self._max_working_bytes} for it"
            )
        num_bytes = body_bytes + cost.held_bytes
        if num_bytes > holding.max_bytes:
            raise ImageTooLarge(
                f"the image takes {num_bytes} bytes of memory; all requests together may hold "
                f"{holding.max_bytes}"
            )
        holding.grow_to(num_bytes)
        try:
            prepared = await self._pool.run(
                Step.PREPARE,
                lambda: prepare(
                    data,
                    self._limits,
                    model.buckets,
                    timings,
                    full_size=full_size,
                    canonical=model.is_pair,
                ),
                caller=caller,
                budget_s=self._decode_budget_s,
                num_bytes=cost.peak_bytes,
            )
        except MemoryError:
            raise ServerFull("there is too little memory for the image") from None
        except OverBudget:
            self._metrics.decode_overruns.inc()
            raise ImageTooSlow(
                f"decoding the image takes longer than {self._decode_budget_s:g} s"
            ) from None
        num_bytes = body_bytes + prepared.num_bytes
        holding.grow_to(num_bytes)
        holding.shrink_to(num_bytes)
        return prepared

    def keep(self, key: Hashable, prepared: Prepared, origin: Origin) -> None:
        """Keep a photo for its further lights, if it has had one; `origin` is of its output."""
        if origin in {Origin.HIT, Origin.SCENE}:
            self._photos.keep(key, prepared)

    async def read_mask(
        self, data: bytes, photo: Photo, holding: Holding, *, held_bytes: int, caller: str
    ) -> Codes:
        """Read the mask for a photo; `holding`, of `held_bytes`, grows by what is decoded.

        Raises:
            InvalidOption: the mask cannot be read, or does not fit the photo.
            ServerFull: there is too little memory for it.
        """
        return await self._read_companion(
            "mask",
            data,
            lambda: decode_mask(data, self._limits, photo.width_px, photo.height_px),
            holding,
            held_bytes=held_bytes,
            caller=caller,
        )

    async def read_depth(
        self, data: bytes, prepared: Prepared, holding: Holding, *, held_bytes: int, caller: str
    ) -> Pixels:
        """Read the depth map for a photo at the size of its small picture, as `decode_depth` does.

        `holding`, of `held_bytes`, grows by what is decoded.

        Raises:
            InvalidOption: the depth map cannot be read, or does not fit the photo.
            ServerFull: there is too little memory for it.
        """
        height_px, width_px = prepared.image.shape[:2]
        return await self._read_companion(
            "depth",
            data,
            lambda: decode_depth(
                data,
                self._limits,
                prepared.photo.width_px,
                prepared.photo.height_px,
                bucket=Bucket(width_px, height_px),
                mirrored=prepared.mirrored,
            ),
            holding,
            held_bytes=held_bytes,
            caller=caller,
        )

    async def _read_companion(
        self,
        name: str,
        data: bytes,
        read: Callable[[], T],
        holding: Holding,
        *,
        held_bytes: int,
        caller: str,
    ) -> T:
        try:
            cost = await self._cost(data)
        except ImageError as error:
            raise InvalidOption(f"the {name} cannot be used: {error}", option=name) from None
        if cost.peak_bytes > self._max_working_bytes:
            raise InvalidOption(f"the {name} is too large: send a smaller one", option=name)
        holding.grow_to(held_bytes + cost.held_bytes)
        try:
            return await self._pool.run(
                Step.PREPARE,
                read,
                caller=caller,
                budget_s=self._decode_budget_s,
                num_bytes=cost.peak_bytes,
            )
        except MemoryError:
            raise ServerFull(f"there is too little memory for the {name}") from None
        except OverBudget:
            self._metrics.decode_overruns.inc()
            raise InvalidOption(f"decoding the {name} takes too long", option=name) from None

    async def _cost(self, data: bytes) -> ReadingCost:
        if len(data) < _QUICKLY_WALKED_BYTES:
            return reading_cost(data, self._limits)
        return await asyncio.to_thread(reading_cost, data, self._limits)


async def digest_of_photo(data: bytes | None) -> str:
    """Return the SHA-256 of an image file, in hex; `-` without one.

    A large one does not hold up the event loop.
    """
    if data is None:
        return "-"
    if len(data) < _QUICKLY_HASHED_BYTES:
        return photo_digest(data)
    return await asyncio.to_thread(photo_digest, data)


def photo_key(digest: str, model: Model, detail: str) -> tuple[str, ...]:
    """Return what a model's view of a photo depends on: at another detail it has another size."""
    return (digest, model.sha256, detail)
