"""`POST /relight/batch`: many photos in one form, a streamed ZIP archive out.

A photo that fails becomes a problem in `manifest.json`, the archive's last member; the others
are not hurt. Each is sent as soon as it is ready.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse

from relight.errors import BodyTooLarge
from service.api.access import priority, timeout_s, working_caller
from service.api.archive import ZipStream, member_name
from service.api.documentation import batch_documentation
from service.api.problems import problem_body
from service.api.upload import Photo, read_photos
from service.batching.urgency import Priority
from service.relighting.options import RelightOptions
from service.relighting.relighter import Relighter, RelightRequest, Relit
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.traffic.admission import Admission
from service.traffic.deadline import until

router = APIRouter(dependencies=[Depends(working_caller)])

_NUM_AT_ONCE = 4  # enough to fill the stages, few enough to leave room for others


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    """What a batch wants for every photo."""

    options: RelightOptions
    accept: str | None
    priority: Priority
    caller: str
    photo_timeout_s: float
    deadline_s: float


@router.post(
    "/relight/batch",
    response_class=StreamingResponse,
    summary="Relight many photos",
    **batch_documentation(),
)
async def relight_batch(request: Request) -> StreamingResponse:
    """Relight all photos of a multipart form; the answer is a ZIP archive with a manifest.

    Options are query or form fields and hold for every photo. Bulk work, unless
    `X-Priority` says otherwise.
    """
    admission: Admission = request.app.state.admission
    settings: Settings = request.app.state.settings
    urgency = priority(request, Priority.BULK)
    photo_timeout_s = settings.request_timeout_ms / 1e3
    limit_ms = settings.request_timeout_ms * settings.max_batch_images
    deadline_s = request.state.arrived_s + timeout_s(request, limit_ms)
    query = request.query_params.multi_items()
    RelightOptions.parse(query)
    photo_deadline_s = min(deadline_s, time.monotonic() + photo_timeout_s)
    admission.check(photo_deadline_s, urgency, request.state.caller)
    async with until(deadline_s):
        photos, fields = await read_photos(
            request, settings.max_batch_bytes, max_photos=settings.max_batch_images
        )
    order = _Order(
        options=RelightOptions.parse([*query, *fields]),
        accept=request.headers.get("accept"),
        priority=urgency,
        caller=request.state.caller,
        photo_timeout_s=photo_timeout_s,
        deadline_s=deadline_s,
    )
    return StreamingResponse(
        _archive(request, photos, order),
        media_type="application/zip",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="relit.zip"',
        },
    )


async def _archive(
    request: Request, photos: Sequence[Photo], order: _Order
) -> AsyncIterator[bytes]:
    """Relight the photos, a few at once, and give the archive's bytes as they come."""
    metrics: Metrics = request.app.state.metrics
    stream = ZipStream()
    entries: dict[int, dict[str, Any]] = {}
    slots = asyncio.Semaphore(_NUM_AT_ONCE)

    async def one(number: int, photo: Photo) -> tuple[int, Photo, Relit | Exception]:
        async with slots:
            return number, photo, await _relight(request, photo, order)

    tasks = [asyncio.create_task(one(n, photo)) for n, photo in enumerate(photos, 1)]
    try:
        for ready in asyncio.as_completed(tasks):
            number, photo, outcome = await ready
            entry: dict[str, Any] = {"number": number, "file": photo.name}
            if isinstance(outcome, Exception):
                entry["problem"] = problem = problem_body(request, outcome)
                metrics.count_problem(str(problem["code"]))
            else:
                assert outcome.data is not None
                name = member_name(number, photo.name, outcome.media_type)
                entry |= {"member": name, "media_type": outcome.media_type}
                entry |= {"light": str(outcome.light), "model": outcome.model}
                yield stream.add(name, outcome.data)
            entries[number] = entry
        manifest = {"images": [entries[number] for number in sorted(entries)]}
        yield stream.add("manifest.json", json.dumps(manifest, indent=2).encode())
        yield stream.close()
    finally:
        stream.close()
        for task in tasks:
            task.cancel()


async def _relight(request: Request, photo: Photo, order: _Order) -> Relit | Exception:
    relighter: Relighter = request.app.state.relighter
    settings: Settings = request.app.state.settings
    try:
        if len(photo.data) > settings.max_body_bytes:
            raise BodyTooLarge(
                f"{len(photo.data)} bytes exceed the limit of {settings.max_body_bytes}"
            )
        with request.app.state.budget.open() as holding:
            return await relighter.relight(
                RelightRequest(
                    data=photo.data,
                    options=order.options,
                    accept=order.accept,
                    deadline_s=min(order.deadline_s, time.monotonic() + order.photo_timeout_s),
                    holding=holding,
                    priority=order.priority,
                    caller=order.caller,
                )
            )
    except Exception as error:  # whatever it is, the other photos go on
        return error
