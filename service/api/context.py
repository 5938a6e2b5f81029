"""The objects that the routes share, and what the API notes about one request.

Routes get both through FastAPI's `Depends`: annotate a parameter with `AppContextDep` or
`RequestContextDep`. Middleware and error handlers, which have no dependencies, call `of`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI, Request
from starlette.types import Scope

from service.connections import ConnectionMetrics
from service.inference.repository import ModelRepository
from service.jobs.job_queue import JobQueue
from service.jobs.webhooks import Webhooks
from service.lifecycle import Lifecycle
from service.relighting.map_maker import MapMaker
from service.relighting.relighter import Relighter
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.telemetry.stage_timings import Timings
from service.traffic.admission import Admission
from service.traffic.cpu_pool import CpuPool
from service.traffic.keys import Keyring
from service.traffic.memory_budget import ByteBudget, Holding

if TYPE_CHECKING:  # an extra
    from opentelemetry.sdk.trace import TracerProvider


@dataclass(slots=True, eq=False, kw_only=True)
class AppContext:
    """The objects that all requests of one app share."""

    settings: Settings
    metrics: Metrics
    connection_metrics: ConnectionMetrics
    repository: ModelRepository
    lifecycle: Lifecycle
    admission: Admission
    budget: ByteBudget
    pool: CpuPool
    relighter: Relighter
    map_maker: MapMaker
    keyring: Keyring
    jobs: JobQueue
    webhooks: Webhooks
    tracer_provider: TracerProvider | None = None

    @staticmethod
    def of(app: FastAPI) -> AppContext:
        """Return the context of an app, which `service.app` sets."""
        context: AppContext = app.state.context
        return context


@dataclass(slots=True, eq=False, kw_only=True)
class RequestContext:
    """What the API knows about one request; each field is set where it is found out.

    Attributes:
        request_id: id in the log and in every answer; empty before `Observation` sets it.
        arrived_s: when the request arrived, on the monotonic clock.
        overload_status: status that answers `overloaded` and `server_full`.
        caller: name of the caller's key, once it is known.
        timeout_s: the caller's own time limit, if it gave one.
        holding: the request's account of memory, once a body may arrive.
        num_body_bytes: bytes of the body read so far.
        timings: stages of a photo's relighting, once they begin.
        model: name and checksum of the model that answered.
        problem_code: code of the problem that answered.
    """

    request_id: str = ""
    arrived_s: float = field(default_factory=time.monotonic)
    overload_status: int = 503
    caller: str | None = None
    timeout_s: float | None = None
    holding: Holding | None = None
    num_body_bytes: int = 0
    timings: Timings | None = None
    model: str | None = None
    problem_code: str | None = None

    @classmethod
    def of(cls, scope: Scope) -> RequestContext:
        """Return the context of an ASGI scope; the first call creates it."""
        state = scope.setdefault("state", {})
        if "context" not in state:
            state["context"] = cls()
        context: RequestContext = state["context"]
        return context


# FastAPI hands a dependency that is no coroutine to another thread, in each request.
async def _app_context(request: Request) -> AppContext:
    return AppContext.of(request.app)


async def _request_context(request: Request) -> RequestContext:
    return RequestContext.of(request.scope)


async def _holding(request: Request) -> Holding:
    holding = RequestContext.of(request.scope).holding
    assert holding is not None  # `BodyLimits` opens it for every request
    return holding


AppContextDep = Annotated[AppContext, Depends(_app_context)]
RequestContextDep = Annotated[RequestContext, Depends(_request_context)]
HoldingDep = Annotated[Holding, Depends(_holding)]
