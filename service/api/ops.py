"""The routes of operations: liveness, readiness, metrics. On both ports."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.responses import Response

from service.inference.repository import ModelRepository
from service.telemetry.metrics import Metrics
from service.traffic.cpu_pool import CpuPool

_PERIOD_S: Final = 0.5

_log = logging.getLogger(__name__)

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The health of the process."""

    status: str
    reason: str | None = None


@dataclass(slots=True, eq=False)
class Lifecycle:
    """The state of the process between start and shutdown.

    Attributes:
        repository: the models; empty until they are loaded.
        pool: the threads that decode and encode.
        draining: whether a shutdown was requested.
        listening: whether the API's port is open.
    """

    repository: ModelRepository
    pool: CpuPool
    draining: bool = False
    listening: bool = True

    @property
    def why_not_alive(self) -> str | None:
        """The reason why only a restart helps; None if the process is healthy."""
        for model in self.repository.models:
            if model.batcher.poisoned:
                return f"the device of {model.contract.name} broke down"
            if not model.batcher.alive and not self.draining:
                return f"the device thread of {model.contract.name} ended"
            if model.batcher.stuck:
                return f"{model.contract.name} hangs on the device"
        return self.pool.why_not_alive

    async def until_dead(self) -> None:
        """Return once only a restart can help."""
        while self.why_not_alive is None:  # noqa: ASYNC110 - a hanging thread tells nobody
            await asyncio.sleep(_PERIOD_S)
        _log.critical("this process cannot go on: %s", self.why_not_alive)

    @property
    def why_not_ready(self) -> str | None:
        """The reason to send no requests now; None if ready."""
        if self.draining:
            return "draining"
        if not self.repository.models:
            return "the models are still being loaded"
        if not self.listening:
            return "the port is about to open"
        return self.why_not_alive


@router.get("/livez", summary="Alive?", response_model=Health, responses={503: {"model": Health}})
async def livez(request: Request) -> Response:
    """Answer 503 if only a restart can help."""
    lifecycle: Lifecycle = request.app.state.lifecycle
    return _health(lifecycle.why_not_alive)


@router.get("/readyz", summary="Ready?", response_model=Health, responses={503: {"model": Health}})
async def readyz(request: Request) -> Response:
    """Answer 503 until the models are loaded and warm, and from the start of the drain on."""
    lifecycle: Lifecycle = request.app.state.lifecycle
    return _health(lifecycle.why_not_ready)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Return all metrics in Prometheus' text format."""
    instruments: Metrics = request.app.state.metrics
    return Response(generate_latest(instruments.registry), media_type=CONTENT_TYPE_LATEST)


def _health(reason: str | None) -> Response:
    health = Health(status="ok" if reason is None else "unavailable", reason=reason)
    return Response(
        health.model_dump_json(),
        200 if reason is None else 503,
        headers={"Cache-Control": "no-store"},
        media_type="application/json",
    )
