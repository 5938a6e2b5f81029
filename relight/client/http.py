"""The two clients: each sends a call, waits, and retries when the call says so."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Self, TypeVar, Unpack

import anyio
import httpx

from relight.client.answers import (
    Catalogue,
    HttpAnswer,
    Maps,
    Relit,
)
from relight.client.call import Call
from relight.client.calls import Priority
from relight.client.files import Image
from relight.client.jobs import AsyncJobs, BlockingJobs
from relight.errors import DeadlineExceeded, RelightError
from relight.options import Options

T = TypeVar("T")


class Client(BlockingJobs):
    """A blocking client; threads may share it.

    Args:
        url: address of the service, such as `http://localhost:8000`.
        key: API key, if the service needs one.
        timeout_s: time limit of a call with all its retries; also sent to the service.
        max_retries: maximum number of retries.
        transport: an httpx transport, for proxies, certificates or more connections.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout_s: float = 60.0,
        max_retries: int = 5,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(url, key=key, timeout_s=timeout_s, max_retries=max_retries)
        self._http = httpx.Client(transport=transport)

    def relight(
        self,
        image: Image,
        *,
        mask: Image | None = None,
        depth: Image | None = None,
        reference: Image | None = None,
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Relit:
        """Relight one photo: a path, a file's bytes, or an open file, which is sent in chunks.

        `mask` is an image of its proportions: white where it is relit, black where it stays.
        `depth` is a greyscale image of its proportions, in place of the depth that the model reads;
        `depth_white` says whether white is near or far. `reference` is a photo whose light to take.

        Raises:
            RelightError: the call failed; the class gives the reason.
            OSError: the photo cannot be read.
        """
        return self._run(
            self._relight(
                image,
                {"mask": mask, "depth": depth, "reference": reference},
                options,
                timeout_s=timeout_s,
                priority=priority,
            )
        )

    def relight_batch(
        self,
        images: Sequence[Image],
        *,
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Sequence[Relit | RelightError]:
        """Relight many photos in one request; return the result or error of each, in order."""
        return self._run(
            self._relight_batch(images, options, timeout_s=timeout_s, priority=priority)
        )

    def maps(
        self,
        image: Image,
        *,
        model: str | None = None,
        timeout_s: float | None = None,
        priority: Priority | None = None,
    ) -> Maps:
        """Return the normals, depth, albedo and shading that a model reads from a photo.

        Raises:
            RelightError: the call failed; the class gives the reason.
            OSError: the photo cannot be read.
        """
        return self._run(self._maps(image, model, timeout_s=timeout_s, priority=priority))

    def models(self) -> Catalogue:
        """Return the models, lights, formats and limits."""
        return self._run(self._models())

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self, call: Call[T]) -> T:
        while True:
            try:
                return call.result(self._send(call))
            except (RelightError, httpx.TransportError) as error:
                pause_s = call.pause_s(error)
            time.sleep(pause_s)

    def _send(self, call: Call[T]) -> HttpAnswer:
        with call.request() as request:
            answer = self._http.send(request, stream=True)
            try:
                pieces = []
                for piece in answer.iter_bytes():
                    call.check()
                    pieces.append(piece)
            finally:
                answer.close()
        return HttpAnswer(str(request.url), answer.status_code, answer.headers, b"".join(pieces))


class AsyncClient(AsyncJobs):
    """The client to `await`, on asyncio or trio; cancelling a call stops its work in the service.

    It takes the arguments of `Client`; `transport` is an asynchronous httpx transport.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout_s: float = 60.0,
        max_retries: int = 5,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(url, key=key, timeout_s=timeout_s, max_retries=max_retries)
        self._http = httpx.AsyncClient(transport=transport)

    async def relight(
        self,
        image: Image,
        *,
        mask: Image | None = None,
        depth: Image | None = None,
        reference: Image | None = None,
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Relit:
        """Relight one photo, as `Client.relight` does."""
        return await self._run(
            self._relight(
                image,
                {"mask": mask, "depth": depth, "reference": reference},
                options,
                timeout_s=timeout_s,
                priority=priority,
            )
        )

    async def relight_batch(
        self,
        images: Sequence[Image],
        *,
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Sequence[Relit | RelightError]:
        """Relight many photos in one request; return the result or error of each, in order."""
        return await self._run(
            self._relight_batch(images, options, timeout_s=timeout_s, priority=priority)
        )

    async def maps(
        self,
        image: Image,
        *,
        model: str | None = None,
        timeout_s: float | None = None,
        priority: Priority | None = None,
    ) -> Maps:
        """Return what a model reads from a photo, as `Client.maps` does."""
        return await self._run(self._maps(image, model, timeout_s=timeout_s, priority=priority))

    async def models(self) -> Catalogue:
        """Return the models, lights, formats and limits."""
        return await self._run(self._models())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def _run(self, call: Call[T]) -> T:
        while True:
            try:
                with anyio.fail_after(call.left_s):
                    return call.result(await self._send(call))
            except TimeoutError:
                raise DeadlineExceeded(call.too_late) from None
            except (RelightError, httpx.TransportError) as error:
                pause_s = call.pause_s(error)
            await anyio.sleep(pause_s)

    async def _send(self, call: Call[T]) -> HttpAnswer:
        with call.request() as request:
            answer = await self._http.send(request)
        return HttpAnswer(str(request.url), answer.status_code, answer.headers, answer.content)
