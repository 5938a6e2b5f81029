"""The composition root: settings -> engines -> repository -> relighter -> routes."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import cv2
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from service import api, ops, problems
from service.imaging import ImageLimits
from service.metrics import Metrics
from service.middleware import BodyLimits, Disconnect, Observation
from service.models import ModelRepository
from service.ops import Lifecycle
from service.pool import CpuPool
from service.relighter import Relighter
from service.session import Engine, Session
from service.settings import Settings

_ROUTES = (
    ("POST", "/relight"),
    ("GET", "/models"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
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
    codes = {200, problems.CLIENT_LEFT, *(kind.status for kind in problems.ALL_KINDS)}
    metrics = Metrics(CollectorRegistry(), routes=_ROUTES, codes=codes)
    repository = _repository(settings, open_engine or _session_opener(settings), metrics)
    pool = CpuPool(settings.num_pool_threads)
    limits = ImageLimits(
        max_pixels=settings.max_pixels,
        max_side_px=settings.max_side_px,
        min_side_px=settings.min_side_px,
        max_decoded_bytes=settings.max_decoded_bytes,
    )

    app = FastAPI(
        title="Relight",
        summary="Photos lit from another direction, at another colour temperature.",
        version=version("relight"),
        lifespan=_lifespan(repository, pool),
    )
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.repository = repository
    app.state.lifecycle = Lifecycle(repository)
    app.state.relighter = Relighter(
        repository,
        pool,
        limits=limits,
        max_wait_s=settings.max_queue_wait_ms / 1e3,
        decode_budget_s=settings.decode_budget_s,
        metrics=metrics,
    )
    app.include_router(api.router)
    app.include_router(ops.router)
    problems.install(app)
    # The last one added is the outermost.
    app.add_middleware(
        BodyLimits, max_bytes=settings.max_body_bytes, timeout_s=settings.body_timeout_s
    )
    app.add_middleware(Disconnect)
    app.add_middleware(Observation, metrics=metrics)
    return app


def create_ops_app(app: FastAPI) -> FastAPI:
    """Build the small app of the second port: it tells about `app` even under overload."""
    ops_app = FastAPI(title="Relight operations", openapi_url=None)
    ops_app.state.metrics = app.state.metrics
    ops_app.state.lifecycle = app.state.lifecycle
    ops_app.include_router(ops.router)
    problems.install(ops_app)
    return ops_app


def _session_opener(settings: Settings) -> Callable[[Path], Engine]:
    def open_session(path: Path) -> Engine:
        return Session(
            path,
            device=settings.providers,
            require_gpu=settings.require_gpu,
            num_threads=settings.num_inference_threads,
        )

    return open_session


def _repository(
    settings: Settings, open_engine: Callable[[Path], Engine], metrics: Metrics
) -> ModelRepository:
    return ModelRepository(
        settings.models_dir,
        open_engine,
        max_batch_size=settings.max_batch_size,
        bucket_shapes=settings.buckets,
        max_wait_s=settings.max_queue_wait_ms / 1e3,
        metrics=metrics,
    )


def _lifespan(
    repository: ModelRepository, pool: CpuPool
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        cv2.setNumThreads(1)  # the pool's threads are the parallelism
        # A broken upload is told to its caller; it need not fill the log.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        await repository.start()
        gc.freeze()  # what lives as long as the process need not be searched for garbage
        try:
            yield
        finally:
            app.state.lifecycle.draining = True
            await repository.close()
            pool.close()

    return lifespan
