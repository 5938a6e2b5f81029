"""Makes the maps of one photo: reads the photo, reads its scene, packs the result."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from relight.errors import InvalidOption
from relight.lights import Lamps
from service.batching.urgency import Priority
from service.inference.repository import ModelRepository
from service.relighting.maps import pack_maps, packing_bytes
from service.relighting.photo_reader import PhotoReader, digest_of_photo, photo_key
from service.relighting.rendering import Order, Renderer
from service.telemetry.labels import Origin, Place, Stage
from service.telemetry.metrics import Metrics
from service.telemetry.stage_timings import Timings
from service.traffic.cpu_pool import CpuPool, Step
from service.traffic.deadline import until
from service.traffic.memory_budget import Holding


class MapOptions(BaseModel):
    """The options of one request for maps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = Field(
        None,
        max_length=128,
        examples=["drn-g"],
        description="name of a model from `GET /models` that computes the light; else the first",
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MapsRequest:
    """A request for the maps of one photo; the attributes are those of `RelightRequest`."""

    data: bytes
    options: MapOptions
    deadline_s: float
    holding: Holding
    priority: Priority = Priority.INTERACTIVE
    caller: str = ""
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MapsResult:
    """The finished maps.

    Attributes:
        data: a ZIP archive, as `service.relighting.maps` describes it.
        model: name and abbreviated checksum of the model.
        origin: where the scene came from.
    """

    data: bytes
    model: str
    origin: Origin


class MapMaker:
    """Make maps of photos with the models of a repository that read scenes.

    Args:
        repository: the models.
        pool: threads for the CPU's work.
        reader: reads photos.
        renderer: has models read scenes, or takes those that are kept.
        metrics: counts the stages.
    """

    def __init__(
        self,
        repository: ModelRepository,
        pool: CpuPool,
        reader: PhotoReader,
        renderer: Renderer,
        *,
        metrics: Metrics,
    ) -> None:
        self._repository = repository
        self._pool = pool
        self._reader = reader
        self._renderer = renderer
        self._metrics = metrics

    async def make(self, request: MapsRequest) -> MapsResult:
        """Make the maps of one photo; cancelling the call frees its work at every stage.

        Raises:
            ImageError: the image is invalid.
            InvalidOption: no such model reads scenes.
            DeadlineExceeded: the deadline has passed.
            Overloaded, Draining, InferenceFailed: as `Batcher.submit` does.
        """
        self._metrics.body_bytes.observe(len(request.data))
        outstanding = self._metrics.outstanding.labels(request.priority.name.lower())
        async with until(request.deadline_s):
            with outstanding.track_inprogress():
                maps = await self._lease_and_make(request)
        request.timings.place = Place.ANSWER
        self._metrics.count_answer(
            request.timings.stages_s, num_bytes=len(maps.data), origin=maps.origin
        )
        return maps

    async def _lease_and_make(self, request: MapsRequest) -> MapsResult:
        with self._repository.lease(None, name=self._reading_model(request.options)) as route:
            digest = await digest_of_photo(request.data)
            order = Order(
                route=route,
                lamps=Lamps(()),
                photo_key=photo_key(digest, route.model, "full"),
                deadline_s=request.deadline_s,
                priority=request.priority,
                caller=request.caller,
                timings=request.timings,
            )
            return await self._make(request, order)

    def _reading_model(self, options: MapOptions) -> str | None:
        """Return the name of the model to read scenes with."""
        reading = tuple(m.contract.name for m in self._repository.models if m.is_pair)
        name = options.model or (reading[0] if reading else None)
        if self._repository.models and name not in reading:
            what = f"{name} makes no maps" if name else "no model here makes maps"
            raise InvalidOption(what, option="model", allowed=reading)
        return name

    async def _make(self, request: MapsRequest, order: Order) -> MapsResult:
        timings, model = request.timings, order.route.model
        with self._renderer.expected(order):
            timings.place = Place.PREPARE
            prepared = await self._reader.read(
                request.data,
                model,
                request.holding,
                timings,
                body_bytes=len(request.data),
                full_size=True,  # as for relighting, so that both share what is kept
                caller=request.caller,
            )
        timings.place = Place.INFER
        scene, origin = await self._renderer.read(prepared, order)
        timings.place = Place.FINISH

        def pack() -> bytes:
            with timings.stage(Stage.ENCODE):
                return pack_maps(prepared, scene, model.tag)

        data = await self._pool.run(Step.FINISH, pack, num_bytes=packing_bytes(prepared))
        request.holding.shrink_to(len(request.data))  # the pixels are gone
        request.holding.grow_to(len(request.data) + len(data))
        return MapsResult(data=data, model=model.tag, origin=origin)
