"""`POST /relight`: relights one photo."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.access import WorkingCaller, priority, timeout_s
from service.api.context import AppContextDep, HoldingDep, RequestContextDep
from service.api.documentation import relight_documentation
from service.api.headers import server_timing
from service.api.negotiation import parse_accept, parse_if_none_match
from service.api.upload import read_upload
from service.batching.urgency import Priority
from service.relighting.options import RelightOptions
from service.relighting.relit import RelightRequest, Relit
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
    A second file of a form, `mask`, is white where the photo is to be relit, black where it stays.
    """
    deadline_s = context.arrived_s + timeout_s(request, app.settings.request_timeout_ms)
    urgency = priority(request, caller, Priority.INTERACTIVE)
    query = request.query_params.multi_items()
    options = RelightOptions.parse(query)
    app.admission.check(deadline_s, urgency, caller.name)
    timings = context.timings = Timings()
    with timings.stage(Stage.READ):
        async with until(deadline_s):
            upload = await read_upload(request, app.settings.max_body_bytes, takes_mask=True)
    if upload.fields:
        options = RelightOptions.parse([*query, *upload.fields])
    relit = await app.relighter.relight(
        RelightRequest(
            data=upload.data,
            mask=upload.mask,
            options=options,
            format_weights=parse_accept(request.headers.get("accept")),
            deadline_s=deadline_s,
            holding=holding,
            priority=urgency,
            caller=caller.name,
            known_tags=parse_if_none_match(request.headers.get("if-none-match")),
            timings=timings,
        )
    )
    context.model = relit.model
    timings.stages_s["total"] = time.monotonic() - context.arrived_s
    return _answer(relit)


def _answer(relit: Relit) -> Response:
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
    headers |= {name: value for name, value in optional.items() if value is not None}
    if relit.data is None:
        return Response(status_code=304, headers=headers)
    return Response(relit.data, media_type=relit.media_type, headers=headers)
