"""The routes of operations: liveness, readiness, metrics. On both ports."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.responses import Response

from service.api.context import AppContextDep

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The health of the process."""

    status: str
    reason: str | None = None


@router.get("/livez", summary="Alive?", response_model=Health, responses={503: {"model": Health}})
async def livez(app: AppContextDep) -> Response:
    """Answer 503 if only a restart can help."""
    return _health(app.lifecycle.why_not_alive)


@router.get("/readyz", summary="Ready?", response_model=Health, responses={503: {"model": Health}})
async def readyz(app: AppContextDep) -> Response:
    """Answer 503 until the models are loaded and warm, and from the start of the drain on."""
    return _health(app.lifecycle.why_not_ready)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(app: AppContextDep) -> Response:
    """Return all metrics in Prometheus' text format."""
    return Response(generate_latest(app.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _health(reason: str | None) -> Response:
    health = Health(status="ok" if reason is None else "unavailable", reason=reason)
    return Response(
        health.model_dump_json(),
        200 if reason is None else 503,
        headers={"Cache-Control": "no-store"},
        media_type="application/json",
    )
