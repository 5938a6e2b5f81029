"""Looks up the addresses of hosts, apart from the threads that read photos.

`loop.getaddrinfo` takes a thread of the pool that `asyncio.to_thread` uses, and a name whose
servers are silent keeps it for half a minute: a few of those would hold up all photos.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address


class NameLookup:
    """Look up each name once at a time; all who ask meanwhile share the answer."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Future[list[Address]]] = {}

    async def addresses(self, host: str) -> list[Address]:
        """Return the addresses of a host, at least one.

        Cancelling the call leaves the lookup running, so that a name has one thread at most.

        Raises:
            OSError: the name has no address, or no thread can be started.
        """
        running = self._running.get(host)
        if running is None:
            running = self._running[host] = _begin(host)
            running.add_done_callback(lambda ended: self._forget(host, ended))
        return await asyncio.shield(running)

    def _forget(self, host: str, ended: asyncio.Future[list[Address]]) -> None:
        del self._running[host]
        if not ended.cancelled():
            ended.exception()  # all who asked may have left


def _begin(host: str) -> asyncio.Future[list[Address]]:
    found: Future[list[Address]] = Future()

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found.set_result([ip_address(where[0]) for *_, where in answers])
        except Exception as error:
            found.set_exception(error)

    try:
        threading.Thread(target=look_up, name="lookup", daemon=True).start()
    except RuntimeError as error:
        raise OSError(f"no thread can look up the name: {error}") from error
    return asyncio.wrap_future(found)
