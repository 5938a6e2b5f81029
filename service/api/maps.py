"""`POST /maps`: what the network reads from a photo, as pictures of 16 bits in a ZIP archive."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.access import WorkingCaller, priority, timeout_s
from service.api.context import AppContextDep, HoldingDep, RequestContextDep
from service.api.documentation import maps_documentation
from service.api.headers import server_timing
from service.api.upload import read_upload
from service.batching.urgency import Priority
from service.relighting.map_maker import MapOptions, MapsRequest
from service.relighting.option_parsing import parse_options
from service.telemetry.labels import Stage
from service.telemetry.stage_timings import Timings
from service.traffic.deadline import until

router = APIRouter()


@router.post(
    "/maps",
    response_class=Response,
    summary="Read normals, depth, albedo and shading from a photo",
    **maps_documentation(),
)
async def maps(
    request: Request,
    app: AppContextDep,
    context: RequestContextDep,
    caller: WorkingCaller,
    holding: HoldingDep,
) -> Response:
    """Read one photo, sent as to `/relight`; the answer is a ZIP archive of 16-bit PNG files.

    It holds `normals.png` (OpenGL), `depth.png` (inverse depth, white is near), `albedo.png`
    (sRGB), `shading.png`, `occlusion.png`, `relightable.png` (linear), and `maps.json`, which
    says what black and white stand for. They have the size that the network reads.
    """
    deadline_s = context.arrived_s + timeout_s(request, app.settings.request_timeout_ms)
    urgency = priority(request, caller, Priority.INTERACTIVE)
    query = request.query_params.multi_items()
    options = parse_options(MapOptions, query)
    app.admission.check(deadline_s, urgency, caller.name)
    timings = context.timings = Timings()
    with timings.stage(Stage.READ):
        async with until(deadline_s):
            upload = await read_upload(request, app.settings.max_body_bytes)
    if upload.fields:
        options = parse_options(MapOptions, [*query, *upload.fields])
    made = await app.map_maker.make(
        MapsRequest(
            data=upload.data,
            options=options,
            deadline_s=deadline_s,
            holding=holding,
            priority=urgency,
            caller=caller.name,
            timings=timings,
        )
    )
    context.model = made.model
    timings.stages_s["total"] = time.monotonic() - context.arrived_s
    return Response(
        made.data,
        media_type="application/zip",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="maps.zip"',
            "Server-Timing": server_timing(timings),
            "X-Cache": made.origin,
            "X-Model": made.model,
        },
    )
