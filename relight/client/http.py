"""The two clients: each sends a call, waits, and sends it again when the call says so."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Self, TypeVar, Unpack

import anyio
import httpx

from relight.client.answers import Answer, Catalogue, Relit
from relight.client.calls import Call, Calls, Image, Priority
from relight.errors import DeadlineExceeded, RelightError
from relight.options import Options

T = TypeVar("T")


class Client(Calls):
    """Calls a service and waits; may be shared by threads.

    Args:
        url: address of the service, such as `http://localhost:8000`.
        key: API key, where the service wants one.
        timeout_s: time for a call, all its tries together; the service is told, too.
        max_retries: most tries after the first one.
        transport: httpx's, for proxies, certificates, more connections.
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
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Relit:
        """Relight one photo: a path, a file's bytes or an open file, sent piece by piece.

        Raises:
            RelightError: of the class that says what was wrong.
            OSError: the photo cannot be read.
        """
        return self._run(self._relight(image, options, timeout_s=timeout_s, priority=priority))

    def relight_batch(
        self,
        images: Sequence[Image],
        *,
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Sequence[Relit | RelightError]:
        """Relight many photos in one request; return for each, in order, how it ended."""
        return self._run(
            self._relight_batch(images, options, timeout_s=timeout_s, priority=priority)
        )

    def models(self) -> Catalogue:
        """Return what may be asked for."""
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

    def _send(self, call: Call[T]) -> Answer:
        with call.request() as request:
            answer = self._http.send(request, stream=True)
            try:
                pieces = []
                for piece in answer.iter_bytes():
                    call.check()
                    pieces.append(piece)
            finally:
                answer.close()
        return Answer(str(request.url), answer.status_code, answer.headers, b"".join(pieces))


class AsyncClient(Calls):
    """The same with `await`, on asyncio or trio; cancelling a call ends its work in the service.

    Its arguments are those of `Client`; `transport` is one of httpx's asynchronous ones.
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
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Relit:
        """Relight one photo, as `Client.relight` does."""
        return await self._run(
            self._relight(image, options, timeout_s=timeout_s, priority=priority)
        )

    async def relight_batch(
        self,
        images: Sequence[Image],
        *,
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Sequence[Relit | RelightError]:
        """Relight many photos in one request; return for each, in order, how it ended."""
        return await self._run(
            self._relight_batch(images, options, timeout_s=timeout_s, priority=priority)
        )

    async def models(self) -> Catalogue:
        """Return what may be asked for."""
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

    async def _send(self, call: Call[T]) -> Answer:
        with call.request() as request:
            answer = await self._http.send(request)
        return Answer(str(request.url), answer.status_code, answer.headers, answer.content)
