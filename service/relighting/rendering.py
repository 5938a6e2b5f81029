"""Gets the models' outputs for a photo, from the cache or through the device's queue.

    "relight/1"   photo ──> relit picture
    "relight/2"   photo ──> scene ──> light that arrives from each lamp

Every arrow is one inference and one entry of the cache: another lamp costs the last one alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relight.lights import NEUTRAL_K, Lamp, Lamps, Light
from service.batching.job import JobResult
from service.batching.urgency import Priority
from service.contract.metadata import INPUT_NAME, LIGHT_NAME, OUTPUT_NAME, ModelContract
from service.contract.pair import SURFACE_NAMES, PairContract
from service.inference.model import WHOLE, BatchKey, InferenceInput, as_kept
from service.inference.repository import LightRoute
from service.inference.session import Tensors
from service.relighting.composition import LampLight, Lit
from service.relighting.options import RelightOptions
from service.relighting.pipeline import Prepared, Rendered, own_temperature_k
from service.telemetry.labels import Origin, Stage
from service.telemetry.stage_timings import Timings
from service.traffic.admission import Admission
from service.traffic.cache import Cache

Change = Callable[[Tensors], Awaitable[Tensors]]

_STAGES: Final = {WHOLE: Stage.INFER, "scene": Stage.SCENE, "light": Stage.LIGHT}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Order:
    """What is wanted of a model for one photo.

    Attributes:
        route: the model and its light.
        lamps: where the light comes from; None for a "relight/1" model.
        photo_key: what the model's view of the photo depends on.
        deadline_s: when the answer becomes worthless, on the monotonic clock.
        priority: the request's class.
        caller: whose it is.
        timings: filled on the way.
        depth_key: names the depth map that replaces the model's relief; None: no map does.
    """

    route: LightRoute
    lamps: Lamps | None
    photo_key: Hashable
    deadline_s: float
    priority: Priority
    caller: str
    timings: Timings
    depth_key: Hashable = None

    @property
    def first_key(self) -> Hashable:
        """Names what the first inference makes."""
        if self.lamps is None:
            return (self.photo_key, WHOLE, self.route.light_index, self.route.mirrored)
        return (self.photo_key, "scene")

    def light_key(self, lamp: Lamp) -> Hashable:
        """Names the light that arrives from a lamp."""
        return (self.photo_key, "light", self.depth_key, lamp.vector, lamp.softness)

    @property
    def keys(self) -> Sequence[Hashable]:
        """Names all that is to be made."""
        lamps = () if self.lamps is None else self.lamps.lamps
        return (self.first_key, *map(self.light_key, lamps))


class Renderer:
    """Have models make what a photo needs, unless it is kept.

    Args:
        admission: says who may come in, and when the device must be done.
        cache: keeps what the models make.
    """

    def __init__(self, admission: Admission, cache: Cache[JobResult[Tensors]]) -> None:
        self._admission = admission
        self._cache = cache

    @contextmanager
    def expected(self, order: Order) -> Iterator[None]:
        """Ask for admission and count as coming, as far as the device has work to do.

        Raises:
            Overloaded, DeadlineExceeded, Draining: as `Admission.check` does.
        """
        if all(self._cache.knows(key, order.priority) for key in order.keys):
            yield
            return
        is_read = order.lamps is not None and self._cache.knows(order.first_key, order.priority)
        work = (order.first_key, order.priority) if self._cache.enabled else object()
        if not self._admission.expects(work):
            self._admission.check(
                order.deadline_s,
                order.priority,
                order.caller,
                model=order.route.model,
                is_read=is_read,
            )
        if is_read:  # the rest is short, and of another kind than what is counted
            yield
            return
        with self._admission.coming(order.caller, work):
            yield

    async def render(
        self, prepared: Prepared, order: Order, change: Change | None = None
    ) -> tuple[Rendered | Lit, Origin]:
        """Return what a photo looks like in another light, and where that came from.

        Args:
            prepared: the photo.
            order: what is wanted.
            change: changes the scene before it is lit, as the order's `depth_key` says.

        Raises:
            Overloaded, DeadlineExceeded, Draining, InferenceFailed: as `Batcher.submit` does.
        """
        contract = order.route.model.contract
        if isinstance(contract, ModelContract):
            return await self._render_whole(prepared, order, contract)
        return await self._light(prepared, order, contract, change)

    async def _render_whole(
        self, prepared: Prepared, order: Order, contract: ModelContract
    ) -> tuple[Rendered, Origin]:
        route, image = order.route, prepared.image
        inputs: dict[str, NDArray[Any]] = {
            INPUT_NAME: image[:, ::-1] if route.mirrored else image,
            LIGHT_NAME: np.array(route.light_index, np.int64),
        }
        asked_s = time.monotonic()
        answer, origin = await self._cache.get(
            order.first_key,
            lambda: self._infer(WHOLE, inputs, prepared, order),
            urgency=order.priority,
        )
        if origin != Origin.HIT:
            _note(order.timings, WHOLE, answer, asked_s, asked_s)
        relit = answer.value[OUTPUT_NAME].astype(np.float32, copy=False)
        relit = relit[:, ::-1] if route.mirrored else relit
        return Rendered(relit, route.light.temperature_k, contract.softness_px), origin

    async def read(self, prepared: Prepared, order: Order) -> tuple[Tensors, Origin]:
        """Return what the scene graph of a pair reads from a photo, and where that came from.

        Raises:
            Overloaded, DeadlineExceeded, Draining, InferenceFailed: as `Batcher.submit` does.
        """
        asked_s = time.monotonic()
        answer, origin = await self._cache.get(
            order.first_key,
            lambda: self._infer("scene", {INPUT_NAME: prepared.image}, prepared, order),
            urgency=order.priority,
        )
        if origin != Origin.HIT:
            _note(order.timings, "scene", answer, asked_s, asked_s)
        return answer.value, origin

    async def _light(
        self, prepared: Prepared, order: Order, contract: PairContract, change: Change | None
    ) -> tuple[Lit, Origin]:
        assert order.lamps is not None
        asked_s = time.monotonic()
        scene, scene_origin = await self.read(prepared, order)
        if change is not None:
            scene = await change(scene)
        since_s = time.monotonic()
        began_s = asked_s if scene_origin == Origin.MISS else None
        arrived_s = since_s if began_s is None else began_s
        lit = await asyncio.gather(
            *(self._arrive(lamp, scene, prepared, order, began_s) for lamp in order.lamps.lamps)
        )
        made = [answer for answer, origin in lit if origin != Origin.HIT]
        if made:
            slowest = max(made, key=lambda answer: answer.waited_s + answer.ran_s)
            _note(order.timings, "light", slowest, arrived_s, since_s)
        # The temperature of one lamp alone is that of the whole picture, and `finish` gives it.
        is_one = len(lit) == 1
        lamps = [
            LampLight(
                answer.value["irradiance"].astype(np.float32),
                answer.value["residual"].astype(np.float32),
                lamp.intensity_stops,
                NEUTRAL_K if is_one else lamp.temperature_k,
                lamp.color,
            )
            for lamp, (answer, _) in zip(order.lamps.lamps, lit, strict=True)
        ]
        composed = Lit(scene, lamps, contract.ambient, contract.removal)
        return composed, _origin(scene_origin, [origin for _, origin in lit])

    async def _arrive(
        self,
        lamp: Lamp,
        scene: Tensors,
        prepared: Prepared,
        order: Order,
        began_s: float | None,
    ) -> tuple[JobResult[Tensors], Origin]:
        """Return the light that arrives from a lamp, seen as the small picture is."""
        right, up, near = lamp.vector
        inputs = {name: scene[name] for name in SURFACE_NAMES} | {
            "light": np.array([-right if prepared.mirrored else right, up, near], np.float32),
            "softness": np.array(lamp.softness, np.float32),
        }
        return await self._cache.get(
            order.light_key(lamp),
            lambda: self._infer("light", inputs, prepared, order, began_s),
            urgency=order.priority,
        )

    async def _infer(
        self,
        part: str,
        inputs: Mapping[str, NDArray[Any]],
        prepared: Prepared,
        order: Order,
        began_s: float | None = None,
    ) -> JobResult[Tensors]:
        """Have one graph run; what comes of it holds no other photo's memory.

        What follows from work that began for this order may take until the answer is due: to give
        it up earlier would waste that work.
        """
        due_s = order.deadline_s
        answer = await order.route.model.batcher.submit(
            InferenceInput(part, inputs),
            key=BatchKey(part, *prepared.image.shape[:2]),
            deadline_s=self._admission.device_deadline_s(due_s) if began_s is None else due_s,
            priority=order.priority,
            caller=order.caller,
            arrived_s=began_s,
        )
        if part != WHOLE:  # a hit and a miss must be the same: both have what is kept
            return replace(answer, value=as_kept(part, answer.value))
        if answer.batch_size > 1 and self._cache.enabled:  # or it would keep all of them
            return replace(answer, value={n: t.copy() for n, t in answer.value.items()})
        return answer


def light_of(options: RelightOptions, order: Order) -> Light | Lamps:
    """Return the light of an answer."""
    light = order.route.light
    own_k = own_temperature_k(options, light.temperature_k)
    return order.lamps or Light(light.direction, options.wanted_temperature_k or own_k)


def _origin(scene: Origin, lights: Sequence[Origin]) -> Origin:
    """Return where all of it came from: the costliest way that a part of it took."""
    if scene != Origin.MISS and Origin.MISS in lights:
        return Origin.SCENE
    costliest_first = (Origin.MISS, Origin.COALESCED, Origin.HIT)
    return next(origin for origin in costliest_first if origin in {scene, *lights})


def _note(
    timings: Timings, part: str, answer: JobResult[Tensors], arrived_s: float, submitted_s: float
) -> None:
    run_s = arrived_s + answer.waited_s
    timings.add(Stage.QUEUE, submitted_s, max(submitted_s, run_s))
    timings.add(_STAGES[part], run_s, run_s + answer.ran_s)
    timings.batch_sizes[_STAGES[part]] = answer.batch_size
    timings.rendered_s = run_s + answer.ran_s
