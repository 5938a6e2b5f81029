"""Each test calls the service twice: by the blocking client, and by the asynchronous one."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from relight.client import AsyncClient, Client, http


def call_blocking(url: str, method: str, *arguments: object, **more: Any) -> Any:
    how = {name: more.pop(name) for name in ("key", "max_retries", "transport") if name in more}
    with Client(url, **how) as client:
        return getattr(client, method)(*arguments, **more)


def call_async(url: str, method: str, *arguments: object, **more: Any) -> Any:
    how = {name: more.pop(name) for name in ("key", "max_retries") if name in more}

    async def run() -> Any:
        async with AsyncClient(url, **how) as client:
            return await getattr(client, method)(*arguments, **more)

    return anyio.run(run)


@pytest.fixture(params=[call_blocking, call_async], ids=["blocking", "async"])
def call(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param


@pytest.fixture
def pauses_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What both clients wait between their tries, in seconds; they do not really wait."""
    pauses: list[float] = []

    async def note(pause_s: float) -> None:
        pauses.append(pause_s)

    monkeypatch.setattr(http, "time", SimpleNamespace(sleep=pauses.append))
    monkeypatch.setattr(http, "anyio", SimpleNamespace(sleep=note, fail_after=anyio.fail_after))
    return pauses
