"""`POST /maps`: what the network reads from a photo, as pictures of 16 bits in a ZIP archive."""

from __future__ import annotations

import time

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from service.api.access import priority, timeout_s, working_caller
from service.api.documentation import maps_documentation
from service.api.headers import server_timing
from service.api.upload import read_upload
from service.batching.urgency import Priority
from service.relighting.fields import parse_fields
from service.relighting.map_maker import MapMaker, MapOptions, MapsRequest
from service.settings import Settings
from service.telemetry.stage_timings import Timings
from service.traffic.admission import Admission
from service.traffic.deadline import until

router = APIRouter(dependencies=[Depends(working_caller)])


@router.post(
    "/maps",
    response_class=Response,
    summary="Read normals, depth, albedo and shading from a photo",
    **maps_documentation(),
)
async def maps(request: Request) -> Response:
    """Read one photo, sent as to `/relight`; the answer is a ZIP archive of 16-bit PNG files.

    It holds `normals.png` (OpenGL), `depth.png` (inverse depth, white is near), `albedo.png`
    (sRGB), `shading.png`, `occlusion.png`, `relightable.png` (linear), and `maps.json`, which
    says what black and white stand for. They have the size that the network reads.
    """
    map_maker: MapMaker = request.app.state.map_maker
    admission: Admission = request.app.state.admission
    settings: Settings = request.app.state.settings
    deadline_s = request.state.arrived_s + timeout_s(request, settings.request_timeout_ms)
    urgency = priority(request, Priority.INTERACTIVE)
    query = request.query_params.multi_items()
    options = parse_fields(MapOptions, query)
    admission.check(deadline_s, urgency, request.state.caller)
    timings = request.state.timings = Timings()
    with timings.stage("read"):
        async with until(deadline_s):
            upload = await read_upload(request, settings.max_body_bytes)
    if upload.fields:
        options = parse_fields(MapOptions, [*query, *upload.fields])
    made = await map_maker.make(
        MapsRequest(
            data=upload.data,
            options=options,
            deadline_s=deadline_s,
            holding=request.state.holding,
            priority=urgency,
            caller=request.state.caller,
            timings=timings,
        )
    )
    request.state.model = made.model
    timings.stages_s["total"] = time.monotonic() - request.state.arrived_s
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
