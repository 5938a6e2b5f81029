"""One job: what it does, how far it is, and what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from relight.errors import RelightError
from service.traffic.memory_budget import Holding

_UNDESCRIBED: Final = {
    "type": f"/problems/{RelightError.code}",
    "title": "Internal error",
    "status": 500,
    "detail": "the service failed unexpectedly; the error is logged",
    "code": RelightError.code,
    "request_id": "",
}

_log = logging.getLogger("relight.jobs")

State = Literal["waiting", "running", "succeeded", "failed"]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The answer that the caller would have had without a job.

    Attributes:
        data: the body.
        media_type: its type.
        headers: its other headers.
    """

    data: bytes = field(repr=False)
    media_type: str
    headers: Mapping[str, str]


class Retry(NamedTuple):
    """Identifies a repeated request.

    Attributes:
        key: the caller's own.
        fingerprint: of all that the request asks for.
    """

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Task:
    """What a caller wants done.

    Attributes:
        operation: path of the call that it stands for, such as `/relight`.
        caller: name of the caller's key; only that caller may see the job.
        num_bytes: bytes of the body, which are kept until the work ends.
        deadline_s: when the result becomes worthless, on the monotonic clock.
        work: does it; cancelling it frees what it holds. It is given a function to call with the
            bytes of the result so far, which raises ServerFull where they are too many.
        describe: makes a problem, as JSON has it, of what `work` raised.
        retry: recognizes the same request, sent again; None: each one is new.
        webhook_url: where to say that the job has ended; None: nowhere.
    """

    operation: str
    caller: str
    num_bytes: int
    deadline_s: float
    work: Callable[[Callable[[int], None]], Awaitable[Result]]
    describe: Callable[[Exception], Mapping[str, Any]]
    retry: Retry | None = None
    webhook_url: str | None = None

    def problem_of(self, error: Exception) -> Mapping[str, Any]:
        """Return what `describe` makes of an error; a plain problem if that fails."""
        try:
            return self.describe(error)
        except Exception:  # the job must end, and the next one begin
            _log.exception("the problem of a job cannot be described")
            return _UNDESCRIBED


@dataclass(slots=True, eq=False, kw_only=True)
class Job:
    """One job.

    Attributes:
        id: unguessable name.
        operation, caller, retry, webhook_url: as in its `Task`.
        task: what is left to do; None once the job has ended, so that the photo is freed.
        holding: its bytes: first of the body, then of the result.
        state: how far it is.
        created_at: when it was taken.
        ended_at: when it ended.
        expires_at: when it is forgotten.
        result: of one that succeeded.
        problem: of one that failed.
        ended: set once it has ended, or was cancelled.
    """

    id: str
    operation: str
    caller: str
    task: Task | None
    holding: Holding
    retry: Retry | None
    webhook_url: str | None
    state: State = "waiting"
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    result: Result | None = None
    problem: Mapping[str, Any] | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
