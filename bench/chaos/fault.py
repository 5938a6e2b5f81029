"""A fault, and the small calls that every fault needs."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bench.harness import Service, photo

PATIENCE_S = 300.0  # a busy machine is no fault


class NotRun(Exception):
    """This machine lacks what a fault needs; the text says what, and the promise is not kept."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table.

    Attributes:
        name: the fault.
        promise: what the service promises under it.
        run: provokes it; returns what happened, and whether the promise was kept; or raises
            NotRun.
    """

    name: str
    promise: str
    run: Callable[[], tuple[str, bool]]


def relit(service: Service, body: bytes | None = None, **options: str) -> httpx.Response:
    """Ask for a photo to be relit."""
    body = photo() if body is None else body
    url = f"{service.url}/relight"
    return httpx.post(url, content=body, params=options, timeout=PATIENCE_S)


def still_serves(service: Service) -> bool:
    """Return whether the service is alive and relights a photo."""
    return (
        service.process.poll() is None
        and httpx.get(f"{service.ops_url}/livez", timeout=PATIENCE_S).status_code == 200
        and relit(service).status_code == 200
    )


def connect(service: Service, *, receive_bytes: int | None = None) -> socket.socket:
    """Open a connection to the API's port."""
    parts = urlsplit(service.url)
    client = socket.socket()
    if receive_bytes is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(PATIENCE_S)
    client.connect((parts.hostname, parts.port))
    return client


def received(client: socket.socket) -> bytes:
    """Return all bytes received until the connection ends."""
    parts = []
    try:
        while part := client.recv(65_536):
            parts.append(part)
    except OSError:
        pass
    return b"".join(parts)


def wait_until(condition: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    """Wait for a condition; return whether it came true in time."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.05)
    return False


@contextmanager
def pod(num_bytes: int) -> Iterator[Sequence[str]]:
    """Make a memory cgroup; yield the prefix of a command that runs in it.

    The prefix is empty where this process may make none: then the peak alone is the proof.
    """
    roots = (("memory", "memory.limit_in_bytes"), ("", "memory.max"))
    for root, limit in roots:
        folder = Path("/sys/fs/cgroup", root, f"relight-chaos-{os.getpid()}")
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            if (folder / limit).exists():
                (folder / limit).write_text(str(num_bytes))
                yield ("sh", "-c", 'echo $$ > "$0" && exec "$@"', str(folder / "cgroup.procs"))
                return
        finally:
            folder.rmdir()
    yield ()


def peak_mb(service: Service) -> float:
    """Return the largest resident size that the process has had."""
    return _status_mb(service, "VmHWM")


def resident_mb(service: Service) -> float:
    """Return the resident size of the process."""
    return _status_mb(service, "VmRSS")


def _status_mb(service: Service, name: str) -> float:
    with open(f"/proc/{service.process.pid}/status") as status:  # noqa: PTH123
        line = next(line for line in status if line.startswith(name))
    return int(line.split()[1]) / 1024
