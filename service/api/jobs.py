"""`/jobs/{id}`: how far a job is, its result, and its end.

Only the key that submitted a job can see it; for every other key it does not exist.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from relight.errors import JobUnfinished
from service.api.access import known_caller
from service.api.context import AppContextDep, HoldingDep
from service.api.deferral import JobStatus, wait_s
from service.api.job_documentation import (
    job_documentation,
    job_removal_documentation,
    job_result_documentation,
)
from service.api.problems import MEDIA_TYPE
from service.traffic.keys import ApiKey

router = APIRouter()

Caller = Annotated[ApiKey, Depends(known_caller)]


@router.get("/jobs/{job_id}", summary="How far a job is", **job_documentation())
async def job(request: Request, app: AppContextDep, caller: Caller) -> JobStatus:
    """Return a job's state; with `Prefer: wait=20`, once it has ended or after 20 seconds."""
    found = app.jobs.find(request.path_params["job_id"], caller.name)
    if seconds := wait_s(request):
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await found.ended.wait()
        app.jobs.find(found.id, caller.name)  # it may have been cancelled
    return JobStatus.of(found)


@router.get(
    "/jobs/{job_id}/result",
    response_class=Response,
    summary="The answer of a job",
    **job_result_documentation(),
)
async def job_result(
    request: Request, app: AppContextDep, caller: Caller, holding: HoldingDep
) -> Response:
    """Return what the request would have been answered without `Prefer`, its problem included.

    The result is kept: it can be fetched again until it expires or is deleted.
    """
    found = app.jobs.find(request.path_params["job_id"], caller.name)
    if found.problem is not None:
        return Response(
            json.dumps(found.problem),
            int(found.problem["status"]),
            headers={"Cache-Control": "no-store"},
            media_type=MEDIA_TYPE,
        )
    if found.result is None:
        raise JobUnfinished(f"the job is {found.state}")
    holding.grow_to(len(found.result.data))  # the job may be deleted while the answer leaves
    return Response(
        found.result.data,
        media_type=found.result.media_type,
        headers=dict(found.result.headers),
    )


@router.delete(
    "/jobs/{job_id}", status_code=204, summary="Cancel a job", **job_removal_documentation()
)
async def remove_job(request: Request, app: AppContextDep, caller: Caller) -> Response:
    """Cancel a job if it has not ended, and forget it with its result."""
    app.jobs.discard(request.path_params["job_id"], caller.name)
    return Response(status_code=204)
