"""The composition root of the service: routes, middleware and the parts behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware

from service.api import (
    admin,
    batch,
    catalogue,
    docs,
    documentation,
    jobs,
    maps,
    open_inference,
    ops,
    page,
    problems,
    relight,
)
from service.api.context import AppContext
from service.api.middleware import BodyLimits, Disconnect, HeadAsGet, Observation
from service.api.statuses import CLIENT_LEFT
from service.assembly import Parts, assemble, running
from service.connections import ConnectionMetrics
from service.inference.session import Engine
from service.jobs.destinations import Destinations
from service.jobs.job_queue import JobQueue
from service.jobs.metrics import JobMetrics
from service.jobs.webhooks import Webhooks
from service.lifecycle import Lifecycle
from service.settings import Settings
from service.telemetry.event_loop_lag import measure_lag
from service.telemetry.heap_trim import trim_when_idle
from service.telemetry.metrics import Metrics
from service.traffic.cpu_quota import follow_quota
from service.traffic.keys import Keyring

ROUTES = (
    ("POST", "/relight"),
    ("POST", "/relight/batch"),
    ("GET", "/jobs/{job_id}"),
    ("DELETE", "/jobs/{job_id}"),
    ("GET", "/jobs/{job_id}/result"),
    ("POST", "/maps"),
    ("GET", "/"),
    ("GET", "/web/{path:path}"),
    ("GET", "/models"),
    ("GET", "/v2"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models/{name}"),
    ("GET", "/v2/models/{name}/ready"),
    ("POST", "/v2/models/{name}/infer"),
    ("GET", "/problems"),
    ("GET", "/problems/{code}"),
    ("POST", "/-/reload"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/docs/{name}"),
    ("GET", "/openapi.json"),
)
_READABLE_HEADERS = (  # by a page of another origin
    "ETag",
    "Location",
    "Preference-Applied",
    "Retry-After",
    "Server-Timing",
    "X-Cache",
    "X-Content-Credentials",
    "X-Digital-Source-Type",
    "X-Light",
    "X-Model",
    "X-Request-ID",
)


def create_app(
    settings: Settings | None = None, *, open_engine: Callable[[Path], Engine] | None = None
) -> FastAPI:
    """Build the service; its lifespan loads the models and, at the end, drains.

    Args:
        settings: the settings; default: from the environment.
        open_engine: loads a model file; default: ONNX Runtime with the settings.
    """
    settings = settings or Settings()
    codes = {200, 202, 204, 304, CLIENT_LEFT, int(settings.overload_status)}
    codes |= {kind.status for kind in problems.ALL_KINDS}
    metrics = Metrics(CollectorRegistry(), routes=ROUTES, codes=codes, problems=problems.CODES)
    parts = assemble(settings, metrics, open_engine)
    app = FastAPI(
        title="Relight",
        summary="Photos lit from another direction, at another colour temperature.",
        version=version("relight"),
        lifespan=_lifespan(parts, metrics),
        docs_url=None,  # FastAPI's pages run scripts of another host
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,  # short and stable for generators
    )
    app.state.context = context = _context(settings, metrics, parts)
    for route in (relight, batch, jobs, maps, open_inference, catalogue, admin, ops, page, docs):
        app.include_router(route.router)
    documentation.install(app, is_open=not settings.api_keys)
    problems.install(app, overload_status=int(settings.overload_status))
    _surround(app, context)
    return app


def _context(settings: Settings, metrics: Metrics, parts: Parts) -> AppContext:
    lifecycle = Lifecycle(parts.repository, parts.pool)
    job_metrics = JobMetrics(metrics.registry)
    webhooks = Webhooks(
        Destinations(settings.webhook_names, settings.webhook_networks),
        settings.webhook_keys,
        job_metrics,
    )
    return AppContext(
        settings=settings,
        metrics=metrics,
        connection_metrics=ConnectionMetrics(metrics.registry),
        repository=parts.repository,
        lifecycle=lifecycle,
        admission=parts.admission,
        budget=parts.budget,
        pool=parts.pool,
        relighter=parts.relighter,
        map_maker=parts.map_maker,
        keyring=Keyring(
            settings.api_keys, settings.admin_keys, max_concurrency=settings.max_requests_per_key
        ),
        jobs=JobQueue(
            max_bytes=settings.job_bytes,
            max_per_caller=settings.max_jobs_per_key,
            keep_s=settings.job_keep_s,
            webhooks=webhooks,
            metrics=job_metrics,
            is_draining=lambda: lifecycle.draining,
        ),
        webhooks=webhooks,
    )


def _surround(app: FastAPI, context: AppContext) -> None:
    """Add the middleware; the last one added is the outermost."""
    settings = context.settings
    app.add_middleware(HeadAsGet)
    app.add_middleware(
        BodyLimits,
        max_bytes=settings.max_body_bytes,
        timeout_s=settings.body_timeout_s,
        budget=context.budget,
        paths={"/relight/batch": settings.max_batch_bytes},
    )
    app.add_middleware(Disconnect)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=_READABLE_HEADERS,
        )
    app.add_middleware(
        Observation, metrics=context.metrics, is_draining=lambda: context.lifecycle.draining
    )
    if settings.tracing:
        # Not at the top: it is an extra.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        from service.api import tracing  # noqa: PLC0415

        context.tracer_provider = tracing.install(
            app,
            BatchSpanProcessor(OTLPSpanExporter()),
        )


def create_ops_app(app: FastAPI) -> FastAPI:
    """Build the small app of the second port, which answers even if `app` is overloaded."""
    ops_app = FastAPI(title="Relight operations", openapi_url=None)
    ops_app.state.context = AppContext.of(app)
    ops_app.include_router(ops.router)
    ops_app.add_middleware(HeadAsGet)
    problems.install(ops_app)
    return ops_app


def _lifespan(
    parts: Parts, metrics: Metrics
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        context = AppContext.of(app)
        async with running(parts), context.jobs.running():
            lag = asyncio.create_task(measure_lag(metrics))
            trim = asyncio.create_task(trim_when_idle(lambda: parts.budget.num_bytes))
            tasks = [lag, trim]
            if context.settings.num_threads is None:
                tasks.append(asyncio.create_task(follow_quota(parts.pool)))
            try:
                yield
            finally:
                context.lifecycle.draining = True
                for task in tasks:
                    task.cancel()
        if context.tracer_provider is not None:
            context.tracer_provider.shutdown()

    return lifespan
