"""Each test calls the service twice: by the blocking client, and by the asynchronous one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from relight.client import AsyncClient, Client


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
