"""Relights one photo: the path of a request below HTTP.

bytes -> prepare  -> render         -> finish   -> bytes
         CPU pool    cache or queue    CPU pool
"""

from __future__ import annotations

import time
from collections.abc import Awaitable
from contextlib import nullcontext
from dataclasses import replace

from relight.errors import InvalidOption, ServerFull
from service.content_credentials import Credentials
from service.contract.pair import PairContract
from service.imaging import DIGITAL_SOURCE_TYPE, Edit, writing_bytes
from service.imaging.formats import FORMATS, Ranking, choose_format, rank_formats, sniff
from service.imaging.photo import Codes
from service.inference.repository import LightRoute, ModelRepository
from service.inference.session import Tensors
from service.relighting.c2pa_action import action_of
from service.relighting.composition import Lit
from service.relighting.depth_map import with_depth
from service.relighting.etag import answer_tag
from service.relighting.photo_reader import PhotoReader, digest_of_photo, photo_key
from service.relighting.pipeline import FINISH_STAGES, Prepared, Rendered, finish
from service.relighting.reference_reader import ReferenceReader
from service.relighting.rendering import Change, Order, Renderer, light_of
from service.relighting.request import ContentCredentials, RelightRequest, RelightResult
from service.telemetry.labels import Origin, Place, Stage
from service.telemetry.metrics import Metrics
from service.traffic.admission import Admission
from service.traffic.cpu_pool import CpuPool, Step
from service.traffic.deadline import until


class Relighter:
    """Relight photos with the models of a repository.

    Args:
        repository: the models.
        pool: threads for the CPU's work.
        admission: admits requests, again after the body has arrived.
        reader: reads photos.
        renderer: has models make what a photo needs.
        max_working_bytes: most memory that writing one picture may take.
        metrics: counts the stages.
        revision: checksum of the code that makes pixels, for the entity tags.
        software: name and version of this program, for the history in a relit photo's XMP.
        is_marked: whether a relit photo is marked as edited with AI.
        credentials: signs each answer; None: no answer is signed.
    """

    def __init__(
        self,
        repository: ModelRepository,
        pool: CpuPool,
        admission: Admission,
        reader: PhotoReader,
        renderer: Renderer,
        *,
        max_working_bytes: int,
        metrics: Metrics,
        revision: str,
        software: str,
        is_marked: bool,
        credentials: Credentials | None,
    ) -> None:
        self._repository = repository
        self._pool = pool
        self._admission = admission
        self._reader = reader
        self._renderer = renderer
        self._references = ReferenceReader(pool, reader, renderer)
        self._max_working_bytes = max_working_bytes
        self._metrics = metrics
        # A mark is part of the answer; the version in its history is not worth a new tag.
        self._revision = f"{revision} {is_marked=} is_signed={credentials is not None}"
        self._credentials = credentials
        self._software = software
        self._is_marked = is_marked

    async def relight(self, request: RelightRequest) -> RelightResult:
        """Relight one image file; cancelling the call frees its work at every stage.

        Raises:
            ImageError: the image is invalid.
            InvalidOption: no model offers the options.
            DeadlineExceeded: the deadline has passed.
            Overloaded, Draining, InferenceFailed: as `Batcher.submit` does.
        """
        self._metrics.body_bytes.observe(len(request.data))
        outstanding = self._metrics.outstanding.labels(request.priority.name.lower())
        async with until(request.deadline_s):
            with outstanding.track_inprogress():
                relit = await self._lease_and_relight(request)
        request.timings.place = Place.ANSWER
        self._metrics.count_answer(
            request.timings.stages_s,
            num_bytes=None if relit.data is None else len(relit.data),
            origin=relit.origin,
        )
        return relit

    async def _lease_and_relight(self, request: RelightRequest) -> RelightResult:
        options = request.options
        with self._repository.lease(
            None if options.stands_free or request.reference else options.wanted_direction,
            temperature_k=options.wanted_temperature_k,
            name=options.model,
            options=request.special,
        ) as route:
            if options.depth_white is not None and request.depth is None:
                raise InvalidOption("`depth_white` needs a file `depth`", option="depth_white")
            if request.reference is not None:
                options = await self._references.lit_options(request, request.reference, route)
                request = replace(request, options=options)
            digest = await digest_of_photo(request.data)
            formats = rank_formats(options.format, request.format_weights, sniff(request.data))
            depth_digest = await digest_of_photo(request.depth)
            order = _order(request, route, digest, depth_digest)
            etag = answer_tag(
                " ".join([digest, await digest_of_photo(request.mask), depth_digest]),
                options,
                light=str(order.lamps or options.wanted_direction),
                model=route.model.tag,
                formats=formats,
                revision=self._revision,
            )
            data, format_name, origin, credentials = None, formats[0][0], None, None
            if etag not in request.known_tags:
                data, format_name, origin, credentials = await self._make(request, order, formats)
        return RelightResult(
            data=data,
            media_type=FORMATS[format_name].media_type,
            etag=etag,
            light=light_of(options, order),
            model=route.model.tag,
            origin=origin,
            timings=request.timings,
            digital_source_type=(
                DIGITAL_SOURCE_TYPE if self._is_marked and options.strength > 0 else None
            ),
            content_credentials=credentials,
        )

    async def _make(
        self, request: RelightRequest, order: Order, formats: Ranking
    ) -> tuple[bytes, str, Origin | None, ContentCredentials | None]:
        """Return the answer's file and format, the origin of the model's output, credentials."""
        options, timings = request.options, request.timings
        is_new_light = options.strength > 0  # at 0 the photo itself is the answer
        with self._renderer.expected(order) if is_new_light else nullcontext():
            timings.place = Place.PREPARE
            prepared = await self._reader.read(
                request.data,
                order.route.model,
                request.holding,
                request.timings,
                body_bytes=request.body_bytes,
                full_size=options.detail == "full",
                caller=request.caller,
                key=order.photo_key,
            )
        mask = await self._mask(request, prepared)
        change = await self._change_of_scene(request, prepared, 0 if mask is None else mask.nbytes)
        answer = prepared.photo.pixels if options.detail == "full" else prepared.image
        height_px, width_px = answer.shape[:2]
        has_alpha = prepared.photo.alpha is not None
        format_name = choose_format(formats, width_px, height_px, has_alpha=has_alpha)
        rendered, origin = None, None
        if is_new_light:
            timings.place = Place.INFER
            rendered, origin = await self._renderer.render(prepared, order, change)
            self._reader.keep(order.photo_key, prepared, origin)
        timings.place = Place.FINISH
        try:
            data = await self._finish(request, prepared, rendered, format_name, order, mask=mask)
        finally:
            self._learn_lag(request)
        request.holding.shrink_to(request.body_bytes)  # the pixels are gone
        request.holding.grow_to(request.body_bytes + len(data))
        credentials: ContentCredentials = "dropped" if prepared.photo.has_manifest else "none"
        return data, format_name, origin, "signed" if self._credentials else credentials

    async def _mask(self, request: RelightRequest, prepared: Prepared) -> Codes | None:
        if request.mask is None:
            return None
        return await self._reader.read_mask(
            request.mask,
            prepared.photo,
            request.holding,
            held_bytes=request.body_bytes + prepared.num_bytes,
            caller=request.caller,
        )

    async def _change_of_scene(
        self, request: RelightRequest, prepared: Prepared, num_mask_bytes: int
    ) -> Change | None:
        """Return what puts the caller's depth map into the scene; None without one."""
        if request.depth is None:
            return None
        depth = await self._reader.read_depth(
            request.depth,
            prepared,
            request.holding,
            held_bytes=request.body_bytes + prepared.num_bytes + num_mask_bytes,
            caller=request.caller,
        )
        photo, white = prepared.photo, request.options.depth_white or "near"
        size = {"width_px": photo.width_px, "height_px": photo.height_px}

        def put(scene: Tensors) -> Awaitable[Tensors]:
            return self._pool.run(Step.FINISH, lambda: with_depth(scene, depth, white, **size))

        return put

    async def _finish(
        self,
        request: RelightRequest,
        prepared: Prepared,
        rendered: Rendered | Lit | None,
        format_name: str,
        order: Order,
        *,
        mask: Codes | None,
    ) -> bytes:
        """Make the answer's file, within the budget of memory, and sign it."""
        options, timings, tag = request.options, request.timings, order.route.model.tag
        edit = Edit(f"{self._software}, {tag}", self._is_marked)
        num_bytes = self._writing_bytes(request, prepared, format_name)
        if num_bytes > self._max_working_bytes:
            raise InvalidOption(
                f"writing so large an image as {format_name} takes {num_bytes} bytes of memory; "
                f"the server has {self._max_working_bytes} for it: ask for another format",
                option="format",
            )

        def write() -> bytes:
            data = finish(
                prepared,
                rendered,
                options,
                format_name,
                timings,
                edit=edit,
                mask=mask,
                is_compressed=request.is_compressed,
            )
            if self._credentials is None:
                return data
            with timings.stage(Stage.SIGN):
                return self._credentials.sign(
                    data,
                    FORMATS[format_name].media_type,
                    photo=request.data,
                    photo_type=FORMATS[prepared.photo.format].media_type,
                    action=action_of(options, light_of(options, order), tag),
                )

        try:
            return await self._pool.run(Step.FINISH, write, num_bytes=num_bytes)
        except MemoryError:
            raise ServerFull("there is too little memory for the answer") from None

    def _writing_bytes(self, request: RelightRequest, prepared: Prepared, format_name: str) -> int:
        """Return how much memory writing and signing an answer takes beside the photo."""
        is_full = request.options.detail == "full"
        is_progressive = bool(request.options.progressive)
        num_bytes = 0
        if is_full:
            num_bytes = writing_bytes(prepared.photo, format_name, progressive=is_progressive)
        if self._credentials is None:
            return num_bytes
        pixels = prepared.photo.pixels if is_full else prepared.image  # its file is hardly larger
        signing = self._credentials.signing_bytes(pixels.nbytes, len(request.data))
        return max(num_bytes, signing)  # the encoder is done by then

    def _learn_lag(self, request: RelightRequest) -> None:
        """Record how long an answer waited after inference, unless its client left."""
        now_s, timings = time.monotonic(), request.timings
        is_done = Stage.ENCODE in timings.stages_s
        if timings.rendered_s is not None and (is_done or now_s >= request.deadline_s):
            work_s = sum(timings.stages_s.get(stage, 0.0) for stage in FINISH_STAGES)
            self._admission.learn_lag(now_s - timings.rendered_s - work_s)


def _order(request: RelightRequest, route: LightRoute, digest: str, depth_digest: str) -> Order:
    options, contract = request.options, route.model.contract
    return Order(
        route=route,
        lamps=options.lamps(contract) if isinstance(contract, PairContract) else None,
        photo_key=photo_key(digest, route.model, options.detail),
        deadline_s=request.deadline_s,
        priority=request.priority,
        caller=request.caller,
        timings=request.timings,
        depth_key=(depth_digest, options.depth_white or "near"),
    )
