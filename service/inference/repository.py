"""The model repository: which lights can be had, and from which model; new models for old.

The mirror of a picture lit from the east is the mirrored picture lit from the west, so a
model offers both; `find` says which way round to show it the picture.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from relight.errors import InvalidOption, ModelNotReady, ModelRefused
from relight.lights import DIRECTIONS, Light
from service.contract.buckets import Shapes
from service.inference.loading import Loaded, Model, load_folder, load_model
from service.inference.model_metrics import ModelMetrics
from service.inference.session import Engine

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
        metrics: ModelMetrics,
    ) -> None:
        self._folder = folder
        self._open_engine = open_engine
        self._max_batch_size = max_batch_size
        self._bucket_shapes = bucket_shapes
        self._max_wait_s = max_wait_s
        self._metrics = metrics
        self._models: tuple[Model, ...] = ()
        self._offers: Sequence[Offer] = ()
        self._reloading = asyncio.Lock()
        self._num_leases: Counter[Model] = Counter()
        self._last_returned: dict[Model, asyncio.Event] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def models(self) -> Sequence[Model]:
        """The models that serve."""
        return self._models

    @property
    def offers(self) -> Sequence[Offer]:
        """Every light that can be had; a model's own lights before mirrored ones."""
        return self._offers

    @property
    def num_retiring(self) -> int:
        """How many swapped-out models still finish what they were leased for."""
        return len(self._retiring)

    async def start(self) -> None:
        """Load every model of the folder that is good, and start its queue.

        Raises:
            ModelRefused: none is usable; the text names each file and its reason.
        """
        loaded = await self._load(())
        for refusal in loaded.refusals:
            _log.error("model refused: %s", refusal)
        if not loaded.models:
            raise ModelRefused("no usable model; " + "; ".join(loaded.refusals))
        self._swap(loaded.models)

    async def reload(self) -> Sequence[Model]:
        """Load what is new in the folder beside what serves, and swap between two batches.

        A file that has not changed is not loaded again. What is swapped out finishes what
        it was leased for. All or nothing: with one bad file everything stays as it was.

        Returns:
            The models that serve now.

        Raises:
            ModelRefused: a file is not good, or there is none; the text says which and why.
        """
        async with self._reloading:
            try:
                loaded = await self._load(self._models)
                if loaded.refusals:
                    raise ModelRefused("nothing changed; " + "; ".join(loaded.refusals))
            except Exception:
                self._metrics.reloads.labels("error").inc()
                raise
            self._swap(loaded.models)
            self._metrics.reloads.labels("ok").inc()
            return self._models

    async def close(self) -> None:
        """Answer everything admitted, then stop the queues."""
        self._metrics.ready.set(0)
        await asyncio.gather(*(model.batcher.close() for model in self._models), *self._retiring)

    @contextmanager
    def lease(
        self, direction: str, *, temperature_k: int | None = None, name: str | None = None
    ) -> Iterator[Offer]:
        """Give what `find` finds; its model stays usable inside, even when it is swapped out.

        Raises:
            InvalidOption, ModelNotReady: as `find` does.
        """
        offer = self.find(direction, temperature_k=temperature_k, name=name)
        self._num_leases[offer.model] += 1
        try:
            yield offer
        finally:
            self._num_leases[offer.model] -= 1
            if not self._num_leases[offer.model]:
                del self._num_leases[offer.model]
                if returned := self._last_returned.get(offer.model):
                    returned.set()

    def find(
        self, direction: str, *, temperature_k: int | None = None, name: str | None = None
    ) -> Offer:
        """Return the offer for a direction whose temperature is nearest, in mired.

        Args:
            direction: one of `relight.lights.DIRECTIONS`.
            temperature_k: the temperature wanted, which `service.contract.color` then makes exact.
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

    async def _load(self, keep: Sequence[Model]) -> Loaded:
        started_s = time.monotonic()
        loaded = await asyncio.to_thread(load_folder, self._folder, self._load_one, keep)
        self._metrics.load_s.set(time.monotonic() - started_s)
        return loaded

    def _load_one(self, path: Path) -> Model:
        return load_model(
            path,
            self._open_engine(path),
            max_batch_size=self._max_batch_size,
            bucket_shapes=self._bucket_shapes,
            max_wait_s=self._max_wait_s,
            observe=self._metrics.observe,
        )

    def _swap(self, models: Sequence[Model]) -> None:
        old, self._models = self._models, tuple(models)
        self._offers = _offers_of(self._models)
        for model in self._models:
            if model not in old:
                model.batcher.start()
        for model in old:
            if model not in self._models:
                self._metrics.remove(model)
                task = asyncio.create_task(self._retire(model))
                self._retiring.add(task)
                task.add_done_callback(self._retiring.discard)
        for model in self._models:
            self._metrics.add(model)
        self._metrics.ready.set(1)
        _log.info("serving %s", ", ".join(model.tag for model in self._models))

    async def _retire(self, model: Model) -> None:
        """Stop the queue of a model when the last request that leased it has gone."""
        if self._num_leases[model]:
            self._last_returned[model] = asyncio.Event()
            await self._last_returned[model].wait()
            del self._last_returned[model]
        await model.batcher.close()
        _log.info("%s has left", model.tag)


def _offers_of(models: Sequence[Model]) -> Sequence[Offer]:
    own = [
        Offer(light, model, index, mirrored=False)
        for model in models
        for index, light in enumerate(model.contract.lights)
    ]
    mirrored = [replace(o, light=o.light.mirrored, mirrored=True) for o in own]
    lights = {(o.model.contract.name, o.light) for o in own}
    return own + [o for o in mirrored if (o.model.contract.name, o.light) not in lights]
