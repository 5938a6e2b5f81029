"""Makes a model that serves from `.onnx` files: loads, checks and warms it.

files -> engines -> contract -> signature -> warm-up -> canary -> queue
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from relight.errors import ModelRefused
from service.batching.durations import Durations
from service.batching.job import Batch
from service.batching.sizes import BatchSizes
from service.contract.buckets import Shapes, buckets_for
from service.contract.checksum import sha256_of
from service.contract.metadata import ModelContract
from service.contract.pair import PARTS, PairContract
from service.inference.canary import check_golden, check_pair_golden
from service.inference.fake_engine import PROVIDER as FAKE_PROVIDER
from service.inference.model import WHOLE, Model, following, queue_of
from service.inference.session import Engine
from service.inference.signature import check_pair, check_whole
from service.inference.warming import warm_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How models are served.

    Attributes:
        max_batch_size: most images in one batch; None: as many as pay on the device.
        bucket_shapes: which shapes they run at.
        max_wait_s: a request that would wait longer for the device is refused.
        observe: called with the model's name and each batch that it ran.
    """

    max_batch_size: int | None
    bucket_shapes: Shapes = "aspect"
    max_wait_s: float
    observe: Callable[[str, Batch], None]


def load_model(
    paths: Sequence[Path], open_engine: Callable[[Path], Engine], serving: Serving
) -> Model:
    """Load, check and warm a model; its queue is made, but not started.

    Args:
        paths: its file; of a pair the scene's and the light's.
        open_engine: loads one file onto the device.
        serving: how it is served.

    Raises:
        ModelRefused: it breaks its contract, or does not run.
    """
    parts = PARTS if len(paths) == len(PARTS) else (WHOLE,)
    engines = {part: open_engine(path) for part, path in zip(parts, paths, strict=True)}
    contract = _contract(engines)
    some_engine = engines[parts[0]]
    batch_sizes = _batch_sizes(some_engine, serving.max_batch_size)
    max_concurrency = min(some_engine.max_concurrency, max(batch_sizes))
    sizes, durations = BatchSizes(batch_sizes), Durations(following)
    buckets = buckets_for(contract.size_px, serving.bucket_shapes)
    try:
        for part, engine in engines.items():
            warm_up(part, engine, durations, buckets=buckets, batch_sizes=batch_sizes, sizes=sizes)
        if some_engine.provider == FAKE_PROVIDER:
            pass  # it only takes time: there is no output to compare
        elif isinstance(contract, ModelContract):
            check_golden(paths[0], some_engine, len(contract.lights))
        else:
            check_pair_golden(paths[0], engines["scene"], engines["light"])
    except ModelRefused:
        raise
    except Exception as error:  # the only common base of ONNX Runtime's errors
        raise ModelRefused(f"it fails to run: {error}") from error
    queue = queue_of(
        engines,
        durations=durations,
        sizes=sizes,
        max_wait_s=serving.max_wait_s,
        observe=lambda batch: serving.observe(contract.name, batch),
        max_concurrency=max_concurrency,
    )
    return Model(contract, sha256_of(paths), some_engine.provider, parts, buckets, durations, queue)


def _contract(engines: Mapping[str, Engine]) -> ModelContract | PairContract:
    """Read and check the promise of a model's files."""
    if WHOLE in engines:
        whole = ModelContract.from_metadata(engines[WHOLE].metadata)
        check_whole(whole, engines[WHOLE])
        return whole
    scene, light = (PairContract.from_metadata(engines[part].metadata, part) for part in PARTS)
    scene.check_twin(light)
    check_pair(engines["scene"], engines["light"])
    return scene


def _batch_sizes(engine: Engine, max_size: int | None) -> Sequence[int]:
    """Return the sizes that pay, or 1, 2, 4, ... and the maximum: few sizes, as each is warmed."""
    if max_size is None:
        return engine.useful_batch_sizes
    if engine.max_concurrency > 1:
        return [size for size in engine.useful_batch_sizes if size <= max_size]
    return sorted({max_size, *(2**i for i in range(max_size.bit_length()))})
