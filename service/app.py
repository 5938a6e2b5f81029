"""The composition root: settings -> engines -> repository -> relighter -> routes."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware

from service.admission import Admission
from service.api import admin, batch, catalogue, ops, problems, relight
from service.api.middleware import BodyLimits, Disconnect, Observation
from service.api.ops import Lifecycle
from service.batching.job import Answer
from service.budget import ByteBudget
from service.cache import Cache
from service.imaging import ImageLimits
from service.inference.fake_engine import FakeEngine, linear
from service.inference.model_metrics import ModelMetrics
from service.inference.repository import ModelRepository
from service.inference.session import Engine, Session
from service.keys import Keyring
from service.metrics import CLIENT_LEFT, Metrics
from service.pool import CpuPool
from service.relighter import Relighter
from service.settings import Settings
from service.vitals import measure_lag

_ROUTES = (
    ("POST", "/relight"),
    ("POST", "/relight/batch"),
    ("GET", "/models"),
    ("POST", "/-/reload"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
)
_READABLE_HEADERS = (  # by a page of another origin
    *("ETag", "Retry-After", "Server-Timing"),
    *("X-Cache", "X-Light", "X-Model", "X-Request-ID"),
)


def create_app(
    settings: Settings | None = None, *, open_engine: Callable[[Path], Engine] | None = None
) -> FastAPI:
    """Build the service; its lifespan loads the models and, at the end, drains.

    Args:
        settings: the knobs; else read from the environment.
        open_engine: loads a model file; else ONNX Runtime as the settings say.
    """
    settings = settings or Settings()
    codes = {200, 304, CLIENT_LEFT, int(settings.overload_status)}
    codes |= {kind.status for kind in problems.ALL_KINDS}
    metrics = Metrics(CollectorRegistry(), routes=_ROUTES, codes=codes)
    max_wait_s = settings.max_queue_wait_ms / 1e3
    repository = ModelRepository(
        settings.models_dir,
        open_engine or _engine_opener(settings),
        max_batch_size=settings.max_batch_size,
        bucket_shapes=settings.buckets,
        max_wait_s=max_wait_s,
        metrics=ModelMetrics(metrics.registry),
    )
    pool = CpuPool(settings.num_pool_threads)
    admission = Admission(repository, pool, max_wait_s=max_wait_s)
    cache: Cache[Answer[NDArray[np.floating]]] = Cache(
        settings.cache_bytes, lambda answer: answer.value.nbytes
    )
    metrics.cache_bytes.set_function(lambda: cache.num_bytes)
    budget = ByteBudget(settings.max_inflight_bytes)
    metrics.bytes_in_flight.set_function(lambda: budget.num_bytes)
    app = FastAPI(
        title="Relight",
        summary="Photos lit from another direction, at another colour temperature.",
        version=version("relight"),
        lifespan=_lifespan(repository, pool, metrics),
    )
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.repository = repository
    app.state.lifecycle = Lifecycle(repository)
    app.state.admission = admission
    app.state.budget = budget
    app.state.keyring = Keyring(
        settings.api_keys, settings.admin_keys, max_concurrency=settings.max_requests_per_key
    )
    app.state.relighter = Relighter(
        repository,
        pool,
        admission,
        cache,
        limits=ImageLimits(
            max_pixels=settings.max_pixels,
            max_side_px=settings.max_side_px,
            min_side_px=settings.min_side_px,
            max_decoded_bytes=settings.max_decoded_bytes,
        ),
        decode_budget_s=settings.decode_budget_s,
        metrics=metrics,
        revision=version("relight"),
    )
    for route in (relight, batch, catalogue, admin, ops):
        app.include_router(route.router)
    problems.install(app, overload_status=int(settings.overload_status))
    _surround(app, settings, metrics, budget)
    return app


def _surround(app: FastAPI, settings: Settings, metrics: Metrics, budget: ByteBudget) -> None:
    """Add the middleware; the last one added is the outermost."""
    app.add_middleware(
        BodyLimits,
        max_bytes=settings.max_body_bytes,
        timeout_s=settings.body_timeout_s,
        budget=budget,
        paths={"/relight/batch": settings.max_batch_bytes},
    )
    app.add_middleware(Disconnect)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=_READABLE_HEADERS,
        )
    lifecycle: Lifecycle = app.state.lifecycle
    app.add_middleware(Observation, metrics=metrics, is_draining=lambda: lifecycle.draining)
    if settings.tracing:
        # Not at the top: it is an extra.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        from service import tracing  # noqa: PLC0415

        app.state.tracer_provider = tracing.install(app, BatchSpanProcessor(OTLPSpanExporter()))


def create_ops_app(app: FastAPI) -> FastAPI:
    """Build the small app of the second port: it tells about `app` even under overload."""
    ops_app = FastAPI(title="Relight operations", openapi_url=None)
    ops_app.state.metrics = app.state.metrics
    ops_app.state.lifecycle = app.state.lifecycle
    ops_app.include_router(ops.router)
    problems.install(ops_app)
    return ops_app


def _engine_opener(settings: Settings) -> Callable[[Path], Engine]:
    def open_session(path: Path) -> Engine:
        return Session(
            path,
            device=settings.providers,
            require_gpu=settings.require_gpu,
            num_threads=settings.num_inference_threads,
        )

    def open_fake(path: Path) -> Engine:
        assert settings.fake_engine is not None
        return FakeEngine(linear(settings.fake_engine), name=path.stem)

    return open_fake if settings.fake_engine else open_session


def _lifespan(
    repository: ModelRepository, pool: CpuPool, metrics: Metrics
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        cv2.setNumThreads(1)  # the pool's threads are the parallelism
        # A broken upload is told to its caller; it need not fill the log.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        await repository.start()
        gc.freeze()  # what lives as long as the process need not be searched for garbage
        lag = asyncio.create_task(measure_lag(metrics))
        try:
            yield
        finally:
            app.state.lifecycle.draining = True
            await repository.close()
            lag.cancel()
            pool.close()
            if app.state.settings.tracing:
                app.state.tracer_provider.shutdown()

    return lifespan
