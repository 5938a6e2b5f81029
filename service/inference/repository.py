"""Keeps the models that serve: finds one for a light, and replaces old models by new ones.

The mirror of a picture lit from the east is the mirrored picture lit from the west, so a
"relight/1" model offers both; `find` says which way round to show it the picture. A "relight/2"
model lights from everywhere; it goes first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from relight.errors import InvalidOption, ModelNotReady, ModelRefused
from relight.lights import DIRECTIONS, NEUTRAL_K, Light
from service.contract.buckets import Shapes
from service.contract.metadata import ModelContract
from service.inference.folder import Loaded, load_folder
from service.inference.loading import Serving, load_model
from service.inference.model import Model
from service.inference.model_metrics import ModelMetrics
from service.inference.session import Engine

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LightRoute:
    """An available light.

    Attributes:
        light: the light that the caller gets.
        model: the model that renders it.
        light_index: which of the model's lights; of `DIRECTIONS` for a pair.
        mirrored: whether to mirror the picture before and after inference.
    """

    light: Light
    model: Model
    light_index: int
    mirrored: bool


class ModelRepository:
    """The models that this process serves; empty until `start`.

    Args:
        folder: contains the `*.onnx` files.
        open_engine: loads one file onto the device.
        max_batch_size, bucket_shapes, max_wait_s: as `Serving` has them.
        metrics: counts loads and batches.
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
        self._serving = Serving(
            max_batch_size=max_batch_size,
            bucket_shapes=bucket_shapes,
            max_wait_s=max_wait_s,
            observe=metrics.observe,
        )
        self._metrics = metrics
        self._models: tuple[Model, ...] = ()
        self._routes: Sequence[LightRoute] = ()
        self._reloading = asyncio.Lock()
        self._num_leases: Counter[Model] = Counter()
        self._last_returned: dict[Model, asyncio.Event] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def models(self) -> Sequence[Model]:
        """The models in use."""
        return self._models

    @property
    def routes(self) -> Sequence[LightRoute]:
        """All available lights; a model's own lights before mirrored ones."""
        return self._routes

    @property
    def num_retiring(self) -> int:
        """The number of replaced models that are still leased."""
        return len(self._retiring)

    async def start(self) -> None:
        """Load every valid model of the folder, and start its queue.

        Raises:
            ModelRefused: no model is usable; the text names each file and the reason.
        """
        loaded = await self._load(())
        for refusal in loaded.refusals:
            _log.error("model refused: %s", refusal)
        if not loaded.models:
            raise ModelRefused("no usable model; " + "; ".join(loaded.refusals))
        self._swap(loaded.models)

    async def reload(self) -> Sequence[Model]:
        """Load the new models of the folder, then replace the old ones between two batches.

        An unchanged file is not loaded again. A replaced model finishes its leases. One bad
        file leaves everything unchanged.

        Returns:
            The models in use now.

        Raises:
            ModelRefused: a file is invalid, or there is none; the text says which and why.
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
        """Answer all admitted requests, then stop the queues."""
        self._metrics.ready.set(0)
        await asyncio.gather(*(model.batcher.close() for model in self._models), *self._retiring)

    @contextmanager
    def lease(
        self,
        direction: str | None,
        *,
        temperature_k: int | None = None,
        name: str | None = None,
        options: Collection[str] = (),
    ) -> Iterator[LightRoute]:
        """Yield the result of `find`; its model stays usable inside, even if it is replaced.

        Raises:
            InvalidOption, ModelNotReady: as `find` does.
        """
        route = self.find(direction, temperature_k=temperature_k, name=name, options=options)
        self._num_leases[route.model] += 1
        try:
            yield route
        finally:
            self._num_leases[route.model] -= 1
            if not self._num_leases[route.model]:
                del self._num_leases[route.model]
                if returned := self._last_returned.get(route.model):
                    returned.set()

    def find(
        self,
        direction: str | None,
        *,
        temperature_k: int | None = None,
        name: str | None = None,
        options: Collection[str] = (),
    ) -> LightRoute:
        """Return the best route for a direction: of a pair, else of the nearest temperature.

        Args:
            direction: one of `relight.lights.DIRECTIONS`; None: any.
            temperature_k: the temperature wanted, which `service.contract.color` then makes exact;
                near is meant in mired.
            name: the wanted model, if any.
            options: those asked for that not every model takes.

        Raises:
            ModelNotReady: no model is loaded yet.
            InvalidOption: no such model, or no model offers the direction or takes the options.
        """
        if not self._models:
            raise ModelNotReady("the models are still being loaded")
        names = tuple(model.name for model in self._models)
        if name is not None and name not in names:
            raise InvalidOption(f"there is no model {name!r}", option="model", allowed=names)
        named = [route for route in self.routes if name in {None, route.model.name}]
        routes = _that_take(options, named, name)
        fitting = [r for r in routes if direction in {None, r.light.direction}]
        if not fitting:
            offered = {r.light.direction for r in routes}
            raise InvalidOption(
                f"no model relights from {direction}",
                option="direction",
                allowed=tuple(d for d in DIRECTIONS if d in offered),
            )
        if temperature_k is None or fitting[0].model.is_pair:
            return fitting[0]
        return min(fitting, key=lambda o: abs(1 / o.light.temperature_k - 1 / temperature_k))

    async def _load(self, keep: Sequence[Model]) -> Loaded:
        started_s = time.monotonic()
        loaded = await asyncio.to_thread(load_folder, self._folder, self._load_one, keep)
        self._metrics.load_s.set(time.monotonic() - started_s)
        return loaded

    def _load_one(self, paths: Sequence[Path]) -> Model:
        started_s, started_cpu_s = time.monotonic(), time.process_time()
        names = ", ".join(path.name for path in paths)
        _log.info("loading %s, and running it at each of its shapes", names)
        model = load_model(paths, self._open_engine, self._serving)
        took_s, took_cpu_s = time.monotonic() - started_s, time.process_time() - started_cpu_s
        _log.info("%s is warm after %.1f s (%.1f s of CPU time)", names, took_s, took_cpu_s)
        return model

    def _swap(self, models: Sequence[Model]) -> None:
        old, self._models = self._models, tuple(models)
        self._routes = _routes_of(self._models)
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
        """Stop the queue of a replaced model once its last lease ends."""
        if self._num_leases[model]:
            self._last_returned[model] = asyncio.Event()
            await self._last_returned[model].wait()
            del self._last_returned[model]
        await model.batcher.close()
        _log.info("%s has left", model.tag)


def _that_take(
    options: Collection[str], routes: Sequence[LightRoute], name: str | None
) -> Sequence[LightRoute]:
    """Return the routes of models that take all these options."""
    taking = [r for r in routes if set(options) <= set(r.model.special_options)]
    if taking:
        return taking
    option = min(options, key=lambda option: (option != "color", option))
    what, allowed = ("color=model", ("photo",)) if option == "color" else (option, ())
    detail = f"no model takes `{what}`" if name is None else f"{name} does not take `{what}`"
    raise InvalidOption(f"{detail}; `GET /models` lists `options`", option=option, allowed=allowed)


def _routes_of(models: Sequence[Model]) -> Sequence[LightRoute]:
    computed = [
        LightRoute(Light(direction, NEUTRAL_K), model, index, mirrored=False)
        for model in models
        if model.is_pair
        for index, direction in enumerate(DIRECTIONS)
    ]
    own = [
        LightRoute(light, model, index, mirrored=False)
        for model in models
        if isinstance(model.contract, ModelContract)
        for index, light in enumerate(model.contract.lights)
    ]
    mirrored = [replace(o, light=o.light.mirrored, mirrored=True) for o in own]
    lights = {(o.model.name, o.light) for o in own}
    return computed + own + [o for o in mirrored if (o.model.name, o.light) not in lights]
