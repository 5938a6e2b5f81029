"""Assembles the parts without HTTP: settings -> engines -> repository -> relighter."""

from __future__ import annotations

import gc
import pkgutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import cv2

from relight.errors import SigningFailed
from service.batching.job import JobResult
from service.content_credentials import Credentials
from service.host import available_memory_bytes
from service.imaging import ImageLimits
from service.inference.fake_engine import FakeEngine, linear
from service.inference.fake_pair import FakePairEngine
from service.inference.model_metrics import ModelMetrics
from service.inference.openvino_session import OpenVinoSession
from service.inference.repository import ModelRepository
from service.inference.session import Engine, Session, Tensors
from service.relighting.etag import pixel_revision
from service.relighting.kept_photos import KeptPhotos
from service.relighting.map_maker import MapMaker
from service.relighting.photo_reader import PhotoReader
from service.relighting.relighter import Relighter
from service.relighting.rendering import Renderer
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.traffic.admission import Admission
from service.traffic.cache import Cache
from service.traffic.cpu_pool import CpuPool
from service.traffic.memory_budget import ByteBudget
from service.traffic.working_memory import WorkingMemory

_LIGHT_SHARE: Final = 0.25  # of the time of a fake scene, what a lamp may cost


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Parts:
    """The parts of one service process."""

    repository: ModelRepository
    pool: CpuPool
    admission: Admission
    budget: ByteBudget
    relighter: Relighter
    map_maker: MapMaker


def image_limits(settings: Settings) -> ImageLimits:
    """Return the accepted sizes of photos."""
    return ImageLimits(
        max_pixels=settings.max_pixels,
        max_side_px=settings.max_side_px,
        min_side_px=settings.min_side_px,
        max_decoded_bytes=settings.max_decoded_bytes,
    )


def assemble(
    settings: Settings, metrics: Metrics, open_engine: Callable[[Path], Engine] | None = None
) -> Parts:
    """Assemble the parts; no model is loaded yet.

    Args:
        settings: the settings.
        metrics: the metrics.
        open_engine: loads a model file; default: ONNX Runtime with the settings.
    """
    max_wait_s = settings.max_queue_wait_ms / 1e3
    repository = ModelRepository(
        settings.models_dir,
        open_engine or _engine_opener(settings),
        max_batch_size=settings.max_batch_size,
        bucket_shapes=settings.buckets,
        max_wait_s=max_wait_s,
        metrics=ModelMetrics(metrics.registry),
    )
    memory = WorkingMemory(settings.working_bytes)
    pool = CpuPool(settings.num_pool_threads, memory)
    admission = Admission(repository, pool, max_wait_s=max_wait_s)
    cache: Cache[JobResult[Tensors]] = Cache(
        settings.cache_bytes, lambda answer: sum(t.nbytes for t in answer.value.values())
    )
    photos = KeptPhotos(settings.cache_bytes, lambda: cache.num_bytes)
    metrics.cache_bytes.set_function(lambda: cache.num_bytes + photos.num_bytes)
    metrics.memory_limit_bytes.set(available_memory_bytes())
    metrics.cpu_threads.set_function(lambda: pool.num_threads)
    metrics.working_bytes.set_function(lambda: memory.num_bytes)
    budget = ByteBudget(settings.inflight_bytes)
    metrics.bytes_in_flight.set_function(lambda: budget.num_bytes)
    reader = PhotoReader(
        pool,
        photos,
        limits=image_limits(settings),
        decode_budget_s=settings.decode_budget_s,
        max_working_bytes=settings.working_bytes,
        metrics=metrics,
    )
    renderer = Renderer(admission, cache)
    relighter = Relighter(
        repository,
        pool,
        admission,
        reader,
        renderer,
        max_working_bytes=settings.working_bytes,
        metrics=metrics,
        revision=pixel_revision(),
        software=f"Relight {version('relight')}",
        is_marked=settings.mark,
        credentials=_credentials(settings),
    )
    return Parts(
        repository=repository,
        pool=pool,
        admission=admission,
        budget=budget,
        relighter=relighter,
        map_maker=MapMaker(repository, pool, reader, renderer, metrics=metrics),
    )


def _credentials(settings: Settings) -> Credentials | None:
    """Read the certificate and key that sign answers; None where none are set.

    Raises:
        SigningFailed: they cannot be read, or cannot sign.
    """
    if settings.c2pa_cert is None:
        return None
    try:
        certificates = settings.c2pa_cert.read_bytes()
        key: bytes | Callable[[bytes], bytes]
        if settings.c2pa_key is not None:
            key = settings.c2pa_key.read_bytes()
        else:
            assert settings.c2pa_signer is not None
            key = pkgutil.resolve_name(settings.c2pa_signer)
    except (OSError, ImportError, AttributeError) as error:
        raise SigningFailed(f"the certificate or key is not there: {error}") from error
    return Credentials(certificates, key, software=("Relight", version("relight")))


@asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """Load the models; at the end, finish the admitted requests and stop the threads.

    Raises:
        ModelRefused: no model is usable.
    """
    cv2.setNumThreads(1)  # the pool's threads are the parallelism
    # The caller gets the error of a damaged photo; OpenCV need not log it as well.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    await parts.repository.start()
    gc.freeze()  # objects that live as long as the process need no garbage collection
    try:
        yield
    finally:
        await parts.repository.close()
        parts.pool.close()


def _engine_opener(settings: Settings) -> Callable[[Path], Engine]:
    def open_session(path: Path) -> Engine:
        num_threads = settings.num_inference_threads
        if settings.providers != "openvino":
            return Session(
                path,
                device=settings.providers,
                require_gpu=settings.require_gpu,
                num_threads=num_threads,
            )
        # In bfloat16 the pictures stay as they are only if the light graph is in float32.
        if path.stem.endswith(".scene"):
            return OpenVinoSession(path, num_threads=num_threads)
        return Session(
            path, device="cpu", require_gpu=settings.require_gpu, num_threads=num_threads
        )

    def open_fake(path: Path) -> Engine:
        assert settings.fake_engine is not None
        duration_s, (name, _, part) = linear(settings.fake_engine), path.stem.rpartition(".")
        if part == "scene":
            return FakePairEngine("scene", duration_s, name=name)
        if part == "light":
            return FakePairEngine("light", lambda n: _LIGHT_SHARE * duration_s(n), name=name)
        return FakeEngine(duration_s, name=path.stem)

    return open_fake if settings.fake_engine else open_session
