"""`POST /relight/batch`: many photos in one form, a streamed ZIP archive out.

A photo that fails becomes a problem in `manifest.json`, the archive's last member, without
affecting the others. Each photo is sent as soon as it is ready.
"""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from relight.errors import BodyTooLarge, Draining
from service.api.access import WorkingCaller, priority, timeout_s
from service.api.archive import ZipStream, member_name
from service.api.context import AppContext, AppContextDep, RequestContextDep
from service.api.deferral import defer, deferral_of
from service.api.documentation import batch_documentation
from service.api.negotiation import parse_accept
from service.api.problems import problem_body
from service.api.upload import UploadedPhoto, read_photos
from service.batching.urgency import Priority
from service.jobs.busy_retry import retry_while_busy
from service.jobs.job import Result
from service.relighting.options import RelightOptions
from service.relighting.request import RelightRequest, RelightResult
from service.traffic.deadline import until
from service.traffic.memory_budget import Holding

router = APIRouter()

_MEDIA_TYPE: Final = "application/zip"
_HEADERS: Final = MappingProxyType(
    {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="relit.zip"'}
)
_NUM_AT_ONCE = 4  # enough to fill the stages, few enough to leave capacity for others


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    """The options and limits of all photos of a batch."""

    options: RelightOptions
    format_weights: Mapping[str, float]
    priority: Priority
    caller: str
    photo_timeout_s: float
    deadline_s: float
    retries_while_busy: bool


@router.post(
    "/relight/batch",
    response_class=StreamingResponse,
    summary="Relight many photos",
    **batch_documentation(),
)
async def relight_batch(
    request: Request, app: AppContextDep, context: RequestContextDep, caller: WorkingCaller
) -> Response:
    """Relight all photos of a multipart form; the answer is a ZIP archive with a manifest.

    Options are query or form fields and apply to every photo. Bulk work, unless
    `X-Priority` says otherwise.
    """
    settings = app.settings
    deferral = deferral_of(request, app, caller.name)
    urgency = priority(request, caller, Priority.BULK)
    photo_timeout_s = settings.request_timeout_ms / 1e3
    limit_s = photo_timeout_s * settings.max_batch_images
    if deferral is not None:
        limit_s = settings.job_timeout_s
    deadline_s = context.arrived_s + timeout_s(request, round(limit_s * 1e3))
    query = request.query_params.multi_items()
    RelightOptions.parse(query)
    photo_deadline_s = min(deadline_s, time.monotonic() + photo_timeout_s)
    if deferral is None:  # a job waits for its turn
        app.admission.check(photo_deadline_s, urgency, caller.name)
    async with until(deadline_s):
        photos, fields = await read_photos(
            request, settings.max_batch_bytes, max_photos=settings.max_batch_images
        )
    order = _Order(
        options=RelightOptions.parse([*query, *fields]),
        format_weights=parse_accept(request.headers.get("accept")),
        priority=urgency,
        caller=caller.name,
        photo_timeout_s=photo_timeout_s,
        deadline_s=deadline_s,
        retries_while_busy=deferral is not None,
    )
    if deferral is not None:
        return await defer(
            request,
            app,
            deferral,
            partial(_result, request, app, photos, order),
            caller=caller.name,
            deadline_s=deadline_s,
            files=[(photo.name, photo.data) for photo in photos],
            fields=[*query, *fields],
        )
    return StreamingResponse(
        _archive(request, app, photos, order), media_type=_MEDIA_TYPE, headers=_HEADERS
    )


async def _result(
    request: Request,
    app: AppContext,
    photos: Sequence[UploadedPhoto],
    order: _Order,
    grow: Callable[[int], None],
) -> Result:
    """Relight the photos for a job, each as soon as the service has time for it."""
    archive = io.BytesIO()
    async with aclosing(_archive(request, app, photos, order)) as pieces:
        async for piece in pieces:
            grow(archive.tell() + len(piece))
            archive.write(piece)
    return Result(archive.getvalue(), _MEDIA_TYPE, _HEADERS)


@dataclass(frozen=True, slots=True, eq=False)
class _Done:
    """A photo that is finished, one way or the other; its worker waits until it has left."""

    number: int
    photo: UploadedPhoto
    outcome: RelightResult | Exception
    left: asyncio.Event


async def _archive(
    request: Request, app: AppContext, photos: Sequence[UploadedPhoto], order: _Order
) -> AsyncGenerator[bytes, None]:
    """Relight the photos, a few at once, and yield the bytes of the archive.

    The next photo begins when one before it has left, so that a client that reads slowly
    holds a few answers, all of them accounted for.
    """
    stream = ZipStream()
    entries: dict[int, dict[str, Any]] = {}
    done: asyncio.Queue[_Done] = asyncio.Queue()
    coming = deque(enumerate(photos, 1))

    async def work() -> None:
        while coming:
            number, photo = coming.popleft()
            with app.budget.open() as holding:
                outcome = await _relight(app, photo, order, holding)
                finished = _Done(number, photo, outcome, asyncio.Event())
                del outcome
                await done.put(finished)
                await finished.left.wait()

    workers = [asyncio.create_task(work()) for _ in range(_NUM_AT_ONCE)]
    try:
        for _ in photos:
            finished = await done.get()
            entry: dict[str, Any] = {"number": finished.number, "file": finished.photo.name}
            if isinstance(finished.outcome, Exception):
                entry["problem"] = _problem(request, app, finished.outcome)
            else:
                name, details = _member(finished.number, finished.photo, finished.outcome)
                assert finished.outcome.data is not None
                yield stream.add(name, finished.outcome.data)
                entry |= details
            finished.left.set()
            entries[finished.number] = entry
            del finished
        manifest = {"images": [entries[number] for number in sorted(entries)]}
        yield stream.add("manifest.json", json.dumps(manifest, indent=2).encode())
        yield stream.close()
    finally:
        stream.close()
        for worker in workers:
            worker.cancel()


def _member(number: int, photo: UploadedPhoto, relit: RelightResult) -> tuple[str, dict[str, Any]]:
    """Return the name of a photo's member of the archive, and what the manifest says of it."""
    name = member_name(number, photo.name, relit.media_type)
    return name, {
        "member": name,
        "media_type": relit.media_type,
        "light": str(relit.light),
        "model": relit.model,
        "digital_source_type": relit.digital_source_type,
        "content_credentials": relit.content_credentials,
    }


def _problem(request: Request, app: AppContext, error: Exception) -> dict[str, object]:
    """Return the problem of a photo that failed, counted."""
    problem = problem_body(request, error)
    app.metrics.count_problem(str(problem["code"]))
    app.metrics.batch_photos_failed.labels(str(problem["code"])).inc()
    return problem


async def _relight(
    app: AppContext, photo: UploadedPhoto, order: _Order, holding: Holding
) -> RelightResult | Exception:
    max_bytes = app.settings.max_body_bytes
    try:
        if app.lifecycle.draining:
            raise Draining("this process is shutting down; send this photo again")
        if len(photo.data) > max_bytes:
            raise BodyTooLarge(f"{len(photo.data)} bytes exceed the limit of {max_bytes}")
        call = partial(_relight_now, app, photo, order, holding)
        return await (
            retry_while_busy(call, order.deadline_s) if order.retries_while_busy else call()
        )
    except Exception as error:  # the other photos continue after any error
        return error


async def _relight_now(
    app: AppContext, photo: UploadedPhoto, order: _Order, holding: Holding
) -> RelightResult:
    holding.shrink_to(0)  # of an earlier try
    return await app.relighter.relight(
        RelightRequest(
            data=photo.data,
            options=order.options,
            format_weights=order.format_weights,
            deadline_s=min(order.deadline_s, time.monotonic() + order.photo_timeout_s),
            holding=holding,
            priority=order.priority,
            caller=order.caller,
        )
    )
