"""One request's whole trip.

bytes -> prepare -> [mirror] -> model -> [mirror] -> finish -> bytes
         CPU pool               queue                CPU pool
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass, field

from service.errors import DeadlineExceeded, ImageTooSlow, ModelNotReady, Overloaded
from service.formats import FORMATS
from service.imaging import ImageLimits, choose_format
from service.lights import Light
from service.loading import Shot
from service.metrics import Metrics
from service.models import ModelRepository, Offer
from service.options import RelightOptions
from service.pool import CpuPool, OverBudget
from service.stages import Prepared, Rendered, Timings, finish, own_temperature_k, prepare


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RelightRequest:
    """What a caller wants.

    Attributes:
        data: the image file.
        options: how to relight it.
        accept: value of the `Accept` header, if any.
        deadline_s: when the answer becomes worthless, on the monotonic clock.
        timings: filled on the way.
    """

    data: bytes
    options: RelightOptions
    accept: str | None
    deadline_s: float
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True, slots=True, eq=False)
class Relit:
    """A finished answer.

    Attributes:
        data: the image file.
        media_type: its type.
        etag: checksum of `data`, in hex.
        light: the light that it shows.
        model: name and checksum of the model, short.
        timings: how long it took.
    """

    data: bytes
    media_type: str
    etag: str
    light: Light
    model: str
    timings: Timings


class Relighter:
    """Relight photos with the models of a repository.

    Args:
        repository: the models.
        pool: threads for the CPU's work.
        limits: sizes of pictures to accept.
        max_wait_s: admission refuses what would wait longer for a CPU thread.
        decode_budget_s: how long the decoding of one picture may take.
        metrics: where stages are counted.
    """

    def __init__(
        self,
        repository: ModelRepository,
        pool: CpuPool,
        *,
        limits: ImageLimits,
        max_wait_s: float,
        decode_budget_s: float,
        metrics: Metrics,
    ) -> None:
        self._repository = repository
        self._pool = pool
        self._limits = limits
        self._max_wait_s = max_wait_s
        self._decode_budget_s = decode_budget_s
        self._metrics = metrics

    def check_admission(self, deadline_s: float) -> None:
        """Refuse, before the body is read, what could not be served in time.

        Args:
            deadline_s: when the answer becomes worthless, on the monotonic clock.

        Raises:
            ModelNotReady, Overloaded, DeadlineExceeded, Draining: why not.
        """
        if not self._repository.models:
            raise ModelNotReady("the models are still being loaded")
        wait_s = self._pool.wait_s
        limit_s = min(self._max_wait_s, deadline_s - time.monotonic())
        if wait_s > limit_s:
            raise Overloaded(
                f"the estimated wait of {wait_s * 1e3:.0f} ms exceeds {limit_s * 1e3:.0f} ms",
                retry_after_s=wait_s - limit_s,
            )
        freest = min(self._repository.models, key=lambda model: model.batcher.wait_s)
        freest.batcher.check(deadline_s)

    async def relight(self, request: RelightRequest) -> Relit:
        """Relight one image file; cancelling the call frees its work at every stage.

        Raises:
            ImageError: the picture is wrong.
            InvalidOption: no model offers what is asked for.
            DeadlineExceeded: the moment that the deadline passes.
            Overloaded, Draining, InferenceFailed: as `Batcher.submit` does.
        """
        self._metrics.body_bytes.observe(len(request.data))
        try:
            async with asyncio.timeout(request.deadline_s - time.monotonic()) as limit:
                with self._metrics.outstanding.track_inprogress():
                    relit = await self._trip(request)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineExceeded("the deadline passed before the answer was ready") from None
        for stage, duration_s in request.timings.stages_s.items():
            self._metrics.stage_duration_s.labels(stage).observe(duration_s)
        self._metrics.response_bytes.observe(len(relit.data))
        return relit

    async def _trip(self, request: RelightRequest) -> Relit:
        options, timings = request.options, request.timings
        offer = self._repository.find(
            options.wanted_direction,
            temperature_k=options.wanted_temperature_k,
            name=options.model,
        )
        prepared = await self._prepare(request, offer)
        format_name = choose_format(options.format, request.accept, prepared.photo.format)
        rendered = None
        if options.strength > 0:  # at 0 the photo itself is the answer
            rendered = await self._render(prepared, offer, request)

        def finish_and_sum() -> tuple[bytes, str]:
            data = finish(prepared, rendered, options, format_name, timings)
            return data, hashlib.sha256(data).hexdigest()[:32]

        data, etag = await self._pool.run(finish_and_sum)
        return Relit(
            data=data,
            media_type=FORMATS[format_name].media_type,
            etag=etag,
            light=Light(
                offer.light.direction,
                options.wanted_temperature_k
                or own_temperature_k(options, offer.light.temperature_k),
            ),
            model=offer.model.tag,
            timings=timings,
        )

    async def _prepare(self, request: RelightRequest, offer: Offer) -> Prepared:
        """Decode the photo, within its budget."""
        full_size = request.options.detail == "full"
        buckets = offer.model.buckets
        try:
            return await self._pool.run(
                lambda: prepare(
                    request.data, self._limits, buckets, request.timings, full_size=full_size
                ),
                budget_s=self._decode_budget_s,
            )
        except OverBudget:
            self._metrics.decode_overruns.inc()
            raise ImageTooSlow(
                f"decoding the image takes longer than {self._decode_budget_s:g} s"
            ) from None

    async def _render(self, prepared: Prepared, offer: Offer, request: RelightRequest) -> Rendered:
        """Have the model relight the small picture."""
        image = prepared.image
        answer = await offer.model.batcher.submit(
            Shot(image[:, ::-1] if offer.mirrored else image, offer.light_index),
            key=image.shape[:2],
            deadline_s=request.deadline_s,
        )
        request.timings.stages_s["queue"] = answer.waited_s
        request.timings.stages_s["infer"] = answer.ran_s
        request.timings.batch_size = answer.batch_size
        relit = answer.value[:, ::-1] if offer.mirrored else answer.value
        return Rendered(relit, offer.light.temperature_k, offer.model.contract.softness_px)
