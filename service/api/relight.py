"""`POST /relight`: relights one photo."""

from __future__ import annotations

import time
from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.access import WorkingCaller, priority, timeout_s
from service.api.context import AppContext, AppContextDep, HoldingDep, RequestContextDep
from service.api.deferral import defer, deferral_of
from service.api.documentation import relight_documentation
from service.api.headers import server_timing
from service.api.negotiation import parse_accept, parse_if_none_match
from service.api.upload import COMPANION_FIELDS, read_upload
from service.batching.urgency import Priority
from service.jobs.busy_retry import retry_while_busy
from service.jobs.job import Result
from service.relighting.options import RelightOptions
from service.relighting.request import RelightRequest, RelightResult
from service.telemetry.labels import Stage
from service.telemetry.stage_timings import Timings
from service.traffic.deadline import until

router = APIRouter()


@router.post(
    "/relight",
    response_class=Response,
    summary="Relight a photo",
    **relight_documentation(),
)
async def relight(
    request: Request,
    app: AppContextDep,
    context: RequestContextDep,
    caller: WorkingCaller,
    holding: HoldingDep,
) -> Response:
    """Relight one photo: raw in the body, or as a file in a multipart form.

    The answer is the image file. Options are query or form fields; unknown ones are refused.
    A form may have further files: `mask` is white where the photo is to be relit and black where it
    stays; `depth` replaces the depth that the model reads; `reference` is a photo whose light is
    taken.
    """
    settings, query = app.settings, request.query_params.multi_items()
    deferral = deferral_of(request, app, caller.name)
    urgency = priority(request, caller, Priority.INTERACTIVE if deferral is None else Priority.BULK)
    limit_s = settings.request_timeout_ms / 1e3 if deferral is None else settings.job_timeout_s
    deadline_s = context.arrived_s + timeout_s(request, round(limit_s * 1e3))
    options = RelightOptions.parse(query)
    if deferral is None:  # a job waits for its turn
        app.admission.check(deadline_s, urgency, caller.name)
    timings = context.timings = Timings()
    with timings.stage(Stage.READ):
        async with until(deadline_s):
            upload = await read_upload(
                request, settings.max_body_bytes, companions=COMPANION_FIELDS
            )
    if upload.fields:
        options = RelightOptions.parse([*query, *upload.fields])
    asked = RelightRequest(
        data=upload.data,
        mask=upload.companions.get("mask"),
        depth=upload.companions.get("depth"),
        reference=upload.companions.get("reference"),
        options=options,
        format_weights=parse_accept(request.headers.get("accept")),
        deadline_s=deadline_s,
        holding=holding,
        priority=urgency,
        caller=caller.name,
        timings=timings,
    )
    if deferral is not None:
        return await defer(
            request,
            app,
            deferral,
            lambda _: _result(app, asked),
            caller=caller.name,
            deadline_s=deadline_s,
            files=[("image", upload.data), *sorted(upload.companions.items())],
            fields=[*query, *upload.fields],
        )
    known_tags = parse_if_none_match(request.headers.get("if-none-match"))
    relit = await app.relighter.relight(replace(asked, known_tags=known_tags))
    context.model = relit.model
    timings.stages_s["total"] = time.monotonic() - context.arrived_s
    if relit.data is None:
        return Response(status_code=304, headers=_headers(relit))
    return Response(relit.data, media_type=relit.media_type, headers=_headers(relit))


async def _result(app: AppContext, asked: RelightRequest) -> Result:
    """Relight for a job, as soon as the service has time for it."""

    async def relit_now() -> RelightResult:
        with app.budget.open() as holding:
            holding.grow_to(asked.body_bytes)
            deadline_s = time.monotonic() + app.settings.request_timeout_ms / 1e3
            return await app.relighter.relight(
                replace(
                    asked,
                    holding=holding,
                    timings=Timings(),
                    deadline_s=min(asked.deadline_s, deadline_s),
                )
            )

    relit = await retry_while_busy(relit_now, asked.deadline_s)
    assert relit.data is not None  # no entity tag was given
    return Result(relit.data, relit.media_type, _headers(relit))


def _headers(relit: RelightResult) -> dict[str, str]:
    headers = {
        "Cache-Control": "no-store",
        "ETag": relit.etag,
        "Server-Timing": server_timing(relit.timings),
        "Vary": "Accept",
        "X-Light": str(relit.light),
        "X-Model": relit.model,
    }
    optional = {
        "X-Cache": relit.origin,
        "X-Content-Credentials": relit.content_credentials,
        "X-Digital-Source-Type": relit.digital_source_type,
    }
    return headers | {name: value for name, value in optional.items() if value is not None}
