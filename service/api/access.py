"""Reads the caller, the deadline and the priority from a request's headers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Depends, Request

from relight.errors import Forbidden, InvalidOption
from service.api.context import AppContextDep, RequestContext, RequestContextDep
from service.batching.urgency import Priority
from service.traffic.keys import ApiKey

TIMEOUT_HEADER: Final = "X-Request-Timeout-Ms"
PRIORITY_HEADER: Final = "X-Priority"

_PRIORITIES: Final = {priority.name.lower(): priority for priority in Priority}


async def known_caller(request: Request, app: AppContextDep, context: RequestContextDep) -> ApiKey:
    """Return the key of a request; a FastAPI dependency.

    Raises:
        Unauthorized: the key is missing or unknown.
    """
    caller = app.keyring.caller(_given_key(request))
    context.caller = caller.name
    return caller


async def working_caller(
    app: AppContextDep, caller: Annotated[ApiKey, Depends(known_caller)]
) -> AsyncIterator[ApiKey]:
    """Return the key of a request once it has a free slot; a FastAPI dependency.

    Raises:
        Unauthorized, RateLimited: the key is unknown, or has no free slot.
    """
    with app.keyring.slot(caller):
        yield caller


WorkingCaller = Annotated[ApiKey, Depends(working_caller)]


async def known_admin(request: Request, app: AppContextDep) -> None:
    """Admit a request with an operator's key; a FastAPI dependency.

    Raises:
        Unauthorized, Forbidden: the key is unknown, or not an operator's.
    """
    app.keyring.check_admin(_given_key(request))


def timeout_s(request: Request, limit_ms: int) -> float:
    """Return the time limit of the caller, at most `limit_ms`, in seconds.

    Raises:
        InvalidOption: the header is not a positive number.
    """
    asked = request.headers.get(TIMEOUT_HEADER)
    if asked is None:
        return limit_ms / 1e3
    if not (asked.isascii() and asked.isdecimal() and len(asked) < 10 and int(asked)):
        raise InvalidOption(
            f"{TIMEOUT_HEADER} must be a positive number of milliseconds", option=TIMEOUT_HEADER
        )
    seconds = min(limit_ms, int(asked)) / 1e3
    RequestContext.of(request.scope).timeout_s = seconds
    return seconds


def priority(request: Request, caller: ApiKey, default: Priority) -> Priority:
    """Return the class of a request.

    Raises:
        InvalidOption: the header names an unknown class.
        Forbidden: the caller's key is for bulk work only.
    """
    asked = request.headers.get(PRIORITY_HEADER)
    if asked is None:
        return Priority.BULK if caller.bulk_only else default
    if asked.lower() not in _PRIORITIES:
        raise InvalidOption(
            f"there is no priority {asked[:80]!r}",
            option=PRIORITY_HEADER,
            allowed=tuple(_PRIORITIES),
        )
    wanted = _PRIORITIES[asked.lower()]
    if caller.bulk_only and wanted is not Priority.BULK:
        raise Forbidden("this key is for bulk work only")
    return wanted


def _given_key(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return request.headers.get("x-api-key")
