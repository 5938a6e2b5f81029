"""The model repository: which lights can be had, and from which model.

The mirror of a picture lit from the east is the mirrored picture lit from the west, so a
model offers both; `find` says which way round to show it the picture.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from service.batcher import Batch
from service.buckets import Shapes
from service.errors import InvalidOption, ModelNotReady, ModelRefused
from service.lights import DIRECTIONS, Light
from service.loading import Model, load_model
from service.metrics import Metrics
from service.session import Engine

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """A light that can be had.

    Attributes:
        light: the light that the caller gets.
        model: who renders it.
        light_index: which of the model's lights.
        mirrored: whether the picture goes in, and comes out, mirrored.
    """

    light: Light
    model: Model
    light_index: int
    mirrored: bool


class ModelRepository:
    """The models that this process serves; empty until `start`.

    Args:
        folder: where the `*.onnx` files lie.
        open_engine: loads one file onto the device.
        max_batch_size: most images in one batch; None: 8 on a GPU, 1 on a CPU.
        bucket_shapes: which shapes the models run at.
        max_wait_s: admission refuses what would wait longer for the device.
        metrics: where loads and batches are counted.
    """

    def __init__(
        self,
        folder: Path,
        open_engine: Callable[[Path], Engine],
        *,
        max_batch_size: int | None,
        bucket_shapes: Shapes = "aspect",
        max_wait_s: float,
        metrics: Metrics,
    ) -> None:
        self._folder = folder
        self._open_engine = open_engine
        self._max_batch_size = max_batch_size
        self._bucket_shapes = bucket_shapes
        self._max_wait_s = max_wait_s
        self._metrics = metrics
        self._models: tuple[Model, ...] = ()

    @property
    def models(self) -> Sequence[Model]:
        """The models that serve."""
        return self._models

    @property
    def offers(self) -> Sequence[Offer]:
        """Every light that can be had; a model's own lights before mirrored ones."""
        own = [
            Offer(light, model, index, mirrored=False)
            for model in self._models
            for index, light in enumerate(model.contract.lights)
        ]
        mirrored = [replace(o, light=o.light.mirrored, mirrored=True) for o in own]
        lights = {(o.model.contract.name, o.light) for o in own}
        return own + [o for o in mirrored if (o.model.contract.name, o.light) not in lights]

    async def start(self) -> None:
        """Load every model of the folder, and start its queue.

        Raises:
            ModelRefused: none is usable; the text names each file and its reason.
        """
        started_s = time.monotonic()
        models = await asyncio.to_thread(self._load_all)
        for model in models:
            model.batcher.start()
        self._models = models
        self._metrics.model_load_s.set(time.monotonic() - started_s)
        self._metrics.model_ready.set(1)

    async def close(self) -> None:
        """Answer everything admitted, then stop the queues."""
        self._metrics.model_ready.set(0)
        await asyncio.gather(*(model.batcher.close() for model in self._models))

    def find(
        self, direction: str, *, temperature_k: int | None = None, name: str | None = None
    ) -> Offer:
        """Return the offer for a direction whose temperature is nearest, in mired.

        Args:
            direction: one of `service.lights.DIRECTIONS`.
            temperature_k: the temperature wanted, which `service.color` then makes exact.
            name: the model wanted, if any.

        Raises:
            ModelNotReady: nothing is loaded yet.
            InvalidOption: no such model, or no model offers the direction.
        """
        if not self._models:
            raise ModelNotReady("the models are still being loaded")
        names = tuple(model.contract.name for model in self._models)
        if name is not None and name not in names:
            raise InvalidOption(f"there is no model {name!r}", option="model", allowed=names)
        offers = [o for o in self.offers if name in {None, o.model.contract.name}]
        fitting = [o for o in offers if o.light.direction == direction]
        if not fitting:
            offered = {o.light.direction for o in offers}
            raise InvalidOption(
                f"no model relights from {direction}",
                option="direction",
                allowed=tuple(d for d in DIRECTIONS if d in offered),
            )
        if temperature_k is None:
            return fitting[0]
        return min(fitting, key=lambda o: abs(1 / o.light.temperature_k - 1 / temperature_k))

    def _load_all(self) -> tuple[Model, ...]:
        paths = sorted(self._folder.glob("*.onnx"))
        if not paths:
            raise ModelRefused(f"there is no .onnx file in {self._folder}")
        models: dict[str, Model] = {}
        refusals: list[str] = []
        for path in paths:
            try:
                model = self._load(path)
                if model.contract.name in models:
                    raise ModelRefused(f"another file has the name {model.contract.name!r} too")
            except ModelRefused as error:
                refusals.append(f"{path.name}: {error}")
                _log.error("model refused: %s", refusals[-1])
                continue
            models[model.contract.name] = model
            self._count(model)
        if not models:
            raise ModelRefused("no usable model; " + "; ".join(refusals))
        return tuple(models.values())

    def _load(self, path: Path) -> Model:
        return load_model(
            path,
            self._open_engine(path),
            max_batch_size=self._max_batch_size,
            bucket_shapes=self._bucket_shapes,
            max_wait_s=self._max_wait_s,
            observe=self._observe,
        )

    def _count(self, model: Model) -> None:
        self._metrics.add_model(
            model.contract.name,
            info={
                "version": model.contract.version,
                "sha256": model.sha256,
                "provider": model.provider,
                "precision": model.contract.precision,
            },
            depths={
                str(bucket): partial(model.batcher.waiting, (bucket.height_px, bucket.width_px))
                for bucket in model.buckets
            },
            wait_s=lambda: model.batcher.wait_s,
        )

    def _observe(self, name: str, batch: Batch) -> None:
        self._metrics.batch_size.labels(name).observe(batch.size)
        self._metrics.device_busy_s.labels(name).inc(batch.duration_s)
        if batch.failed:
            self._metrics.batch_failures.labels(name).inc()
        else:
            self._metrics.last_success.labels(name).set_to_current_time()
