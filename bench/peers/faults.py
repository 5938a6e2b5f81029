"""What each server does with a broken file, a client that leaves, and a signal to end."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import httpx

from bench.peers.loads import AZIMUTH_DEG
from bench.peers.server import PeerServer

_NUM_LEAVERS: Final = 20
_TIMEOUT_S: Final = 60.0


def corrupt_file(server: PeerServer, photo: bytes) -> dict[str, object]:
    """Send a cut-off photo among seven good ones, at once."""
    bodies = [photo[: len(photo) // 3], *[photo] * 7]
    statuses = asyncio.run(_all_at_once(server, bodies))
    return {"broken": statuses[0], "neighbours": dict(Counter(map(str, statuses[1:])))}


async def _all_at_once(server: PeerServer, bodies: Sequence[bytes]) -> list[int]:
    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
        return await asyncio.gather(*(_status(client, server, body) for body in bodies))


def leaving_clients(server: PeerServer, photo: bytes, cpu_s_of_one: float) -> dict[str, float]:
    """Let twenty clients send their photo and leave; count what is worked on all the same.

    Args:
        server: the server, idle.
        photo: what they send.
        cpu_s_of_one: CPU time of a photo that is answered.
    """
    before_s = server.cpu_s()
    asyncio.run(_leave(server, photo))
    server.wait_until_idle()
    used_s = server.cpu_s() - before_s
    return {"left": _NUM_LEAVERS, "worked_on": used_s / cpu_s_of_one}


async def _leave(server: PeerServer, photo: bytes) -> None:
    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
        callers = [asyncio.create_task(_status(client, server, photo)) for _ in range(_NUM_LEAVERS)]
        await asyncio.sleep(0.3)  # long enough for every upload, too short for many answers
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


def signal_under_load(
    server: PeerServer, photo: bytes, num_connections: int = 4
) -> dict[str, object]:
    """Send SIGTERM while clients wait for answers, and count those who get none."""
    outcomes = asyncio.run(_under_load(server, photo, num_connections))
    try:
        status: int | None = server.process.wait(30)
    except subprocess.TimeoutExpired:
        status = None
    return {**outcomes, "exit_status": status, "processes_left": len(server.pids())}


async def _under_load(server: PeerServer, photo: bytes, num_connections: int) -> dict[str, object]:
    signalled_s: float | None = None
    lost = answered = 0

    async def keep_asking(client: httpx.AsyncClient) -> None:
        nonlocal lost, answered
        while signalled_s is None:  # who has an answer after the signal asks no more
            sent_s = time.monotonic()
            status = await _status(client, server, photo)
            if signalled_s is not None and sent_s < signalled_s:
                lost += status != 200
                answered += status == 200

    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
        callers = [asyncio.create_task(keep_asking(client)) for _ in range(num_connections)]
        await asyncio.sleep(2.0)
        signalled_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*callers)
    return {"in_flight_answered": answered, "in_flight_lost": lost}


async def _status(client: httpx.AsyncClient, server: PeerServer, photo: bytes) -> int:
    try:
        question = server.peer.question(photo, AZIMUTH_DEG)
        return (await client.post(server.url, **question)).status_code
    except httpx.TransportError:
        return 0
