"""Relight in this process, without a server: the calls of `relight.client.AsyncClient`."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self, Unpack

from prometheus_client import CollectorRegistry

from relight import client
from relight.options import Options
from service.api import catalogue
from service.assembly import assemble, image_limits, running
from service.relighting import map_maker, small_copy
from service.relighting.options import RelightOptions
from service.relighting.request import RelightRequest
from service.settings import Settings, read_settings
from service.telemetry.metrics import Metrics

_SCENE_BYTES: Final = 64_000_000  # of a photo that is relit again and again, and of its lights
_PATIENCE_S: Final = 3600.0  # no other caller waits, so a slow machine may take longer


def small_copies(photo: bytes, mask: bytes | None, longest_px: int) -> tuple[bytes, bytes | None]:
    """Return small copies of a photo and its mask, as `service.relighting.small_copy` does.

    Raises:
        RelightError: the photo or the mask is invalid.
    """
    return small_copy.small_copies(photo, mask, image_limits(read_settings()), longest_px)


class LocalClient:
    """Relights with the models of this machine; `async with` loads them.

    Args:
        settings: the models, the device, and the limits for photos.
        repeats: whether one photo is relit many times; what is read from it is then kept.
    """

    def __init__(self, settings: Settings, *, repeats: bool = False) -> None:
        self._settings = settings.model_copy(
            update={
                "max_queue_wait_ms": round(_PATIENCE_S * 1e3),
                "max_inflight_bytes": 2**62,  # the number of jobs is the bound
                "cache_bytes": _SCENE_BYTES if repeats else 0,
            }
        )
        self._parts = assemble(self._settings, Metrics(CollectorRegistry(), routes=(), codes=()))
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(running(self._parts))
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()

    async def relight(
        self,
        image: Path | bytes,
        *,
        mask: Path | bytes | None = None,
        depth: Path | bytes | None = None,
        reference: Path | bytes | None = None,
        priority: client.Priority | None = None,
        **options: Unpack[Options],
    ) -> client.Relit:
        """Relight one photo, as `AsyncClient.relight` does.

        Raises:
            RelightError: relighting failed; the class gives the reason.
            OSError: the photo cannot be read.
        """
        given = RelightOptions.parse((n, str(v)) for n, v in options.items() if v is not None)
        with self._parts.budget.open() as holding:
            relit = await self._parts.relighter.relight(
                RelightRequest(
                    data=await _content(image),
                    mask=None if mask is None else await _content(mask),
                    depth=None if depth is None else await _content(depth),
                    reference=None if reference is None else await _content(reference),
                    options=given,
                    deadline_s=time.monotonic() + _PATIENCE_S,
                    holding=holding,
                )
            )
        assert relit.data is not None  # no entity tag was given
        return client.Relit(
            data=relit.data,
            media_type=relit.media_type,
            light=relit.light,
            model=relit.model,
            request_id="",
            etag=relit.etag,
            cache=relit.origin,
            timings_ms={name: s * 1e3 for name, s in relit.timings.stages_s.items()},
            digital_source_type=relit.digital_source_type,
            content_credentials=relit.content_credentials,
        )

    async def maps(self, image: Path, *, model: str | None = None) -> client.Maps:
        """Return what a model reads from one photo, as `AsyncClient.maps` does.

        Raises:
            RelightError: reading failed; the class gives the reason.
            OSError: the photo cannot be read.
        """
        with self._parts.budget.open() as holding:
            made = await self._parts.map_maker.make(
                map_maker.MapsRequest(
                    data=await asyncio.to_thread(image.read_bytes),
                    options=map_maker.MapOptions(model=model),
                    deadline_s=time.monotonic() + _PATIENCE_S,
                    holding=holding,
                )
            )
        return client.unpack_maps(made.data)

    async def models(self) -> client.Catalogue:
        """Return the models, lights, formats and limits."""
        offered: client.Catalogue = catalogue.ModelCatalogue.of(  # type: ignore[assignment]
            self._parts.repository, self._settings
        ).model_dump()
        return offered


async def _content(file: Path | bytes) -> bytes:
    return file if isinstance(file, bytes) else await asyncio.to_thread(file.read_bytes)
