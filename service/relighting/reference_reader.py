"""Takes the light of a second photo: reads its scene, and the lamp from that."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from cachetools import LRUCache

from relight.errors import ImageError, InvalidOption
from relight.lights import Lamp, Lamps
from service.contract.pair import PairContract
from service.inference.repository import LightRoute
from service.relighting.options import RelightOptions
from service.relighting.photo_reader import PhotoReader, digest_of_photo, photo_key
from service.relighting.reference import read_lamp
from service.relighting.rendering import Order, Renderer
from service.relighting.request import RelightRequest
from service.traffic.cpu_pool import CpuPool, Step

_NUM_LAMPS: Final = 1024
_PLACES: Final = ("direction", "azimuth", "elevation", "light", "lights")


class ReferenceReader:
    """Read lamps from photos.

    Args:
        pool: threads for the CPU's work.
        reader: reads photos.
        renderer: has models read scenes, or takes those that are kept.
    """

    def __init__(self, pool: CpuPool, reader: PhotoReader, renderer: Renderer) -> None:
        self._pool = pool
        self._reader = reader
        self._renderer = renderer
        self._lamps: LRUCache[Hashable, Lamp] = LRUCache(_NUM_LAMPS)  # those that were read

    async def lit_options(
        self, request: RelightRequest, reference: bytes, route: LightRoute
    ) -> RelightOptions:
        """Return a request's options with the light of the reference.

        A softness, a temperature or a colour that is asked for stays.

        Raises:
            InvalidOption: the options say where the lamp stands, or the file cannot be read.
            LightUnreadable: it shows no direction of light.
            Overloaded, DeadlineExceeded, Draining, InferenceFailed: as `Batcher.submit` does.
        """
        contract = route.model.contract
        assert isinstance(contract, PairContract)  # no other model takes a reference
        for name in _PLACES:
            if getattr(request.options, name) is not None:
                raise InvalidOption(
                    f"the reference already says where the light comes from: leave out `{name}`",
                    option=name,
                )
        key = photo_key(await digest_of_photo(reference), route.model, "model")
        if (lamp := self._lamps.get(key)) is None:
            lamp = self._lamps[key] = await self._read(request, reference, route, contract, key)
        return request.options.lit_by(lamp)

    async def _read(
        self,
        request: RelightRequest,
        reference: bytes,
        route: LightRoute,
        contract: PairContract,
        key: tuple[str, ...],
    ) -> Lamp:
        order = Order(
            route=route,
            lamps=Lamps(()),
            photo_key=key,
            deadline_s=request.deadline_s,
            priority=request.priority,
            caller=request.caller,
            timings=request.timings,
        )
        try:
            with self._renderer.expected(order):
                prepared = await self._reader.read(
                    reference,
                    route.model,
                    request.holding,
                    request.timings,
                    body_bytes=request.body_bytes,
                    full_size=False,
                    caller=request.caller,
                )
        except ImageError as error:
            raise InvalidOption(
                f"the reference cannot be used: {error}", option="reference"
            ) from None
        scene, _ = await self._renderer.read(prepared, order)
        lamp = await self._pool.run(
            Step.FINISH,
            lambda: read_lamp(prepared.srgb, scene, contract, mirrored=prepared.mirrored),
        )
        request.holding.shrink_to(request.body_bytes)
        return lamp
