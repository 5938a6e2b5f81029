"""Turns a request into a job: `Prefer: respond-async` (RFC 7240, section 4.1).

Prefer           respond-async: answer 202 at once; wait=N: wait N seconds for a job's end
Idempotency-Key  a request that is sent again is the same job
X-Webhook-Url    where to say that the job has ended
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from relight.errors import InvalidOption
from service.api.context import AppContext
from service.api.problems import problem_body
from service.jobs.job import Job, Result, Retry, State, Task
from service.jobs.webhooks import WebhookRefused

PREFER: Final = "Prefer"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
WEBHOOK_URL: Final = "X-Webhook-Url"
APPLIED: Final = "Preference-Applied"
RESPOND_ASYNC: Final = "respond-async"

_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_MAX_WAIT_S: Final = 30


class JobStatus(BaseModel):
    """How far a job is.

    `result` is where to fetch its answer from, once it has succeeded; `problem` is why it failed.
    """

    id: str
    operation: str
    state: State
    created_at: datetime
    ended_at: datetime | None
    expires_at: datetime | None
    result: str | None
    problem: dict[str, Any] | None

    @classmethod
    def of(cls, job: Job) -> JobStatus:
        """Describe a job."""
        return cls(
            id=job.id,
            operation=job.operation,
            state=job.state,
            created_at=job.created_at,
            ended_at=job.ended_at,
            expires_at=job.expires_at,
            result=f"{path_of(job)}/result" if job.state == "succeeded" else None,
            problem=None if job.problem is None else dict(job.problem),
        )


@dataclass(frozen=True, slots=True)
class Deferral:
    """Job options from the request headers."""

    idempotency_key: str | None
    webhook_url: str | None


def path_of(job: Job) -> str:
    """Return the path of a job's state."""
    return f"/jobs/{job.id}"


def deferral_of(request: Request, app: AppContext, caller: str) -> Deferral | None:
    """Return how a request wants to become a job; None if it wants its answer at once.

    Where jobs are off, the preference is not applied, as RFC 7240 allows.

    Raises:
        InvalidOption: a header is malformed, or the webhook is not allowed.
    """
    wants_job = RESPOND_ASYNC in _preferences(request) and app.jobs.enabled
    webhook_url = request.headers.get(WEBHOOK_URL)
    if webhook_url is not None and not wants_job:
        raise InvalidOption(
            f"{WEBHOOK_URL} is for jobs: send {PREFER}: {RESPOND_ASYNC} as well",
            option=WEBHOOK_URL,
        )
    if not wants_job:
        return None
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidOption(
            f"{IDEMPOTENCY_KEY} must have 1 to 128 visible ASCII characters",
            option=IDEMPOTENCY_KEY,
        )
    if webhook_url is not None:
        try:
            app.webhooks.check(caller, webhook_url)
        except WebhookRefused as error:
            raise InvalidOption(str(error), option=WEBHOOK_URL) from None
    return Deferral(key, webhook_url)


def wait_s(request: Request) -> float:
    """Return how long the caller wants to wait for a job's end, in seconds, 0 to 30."""
    asked = _preferences(request).get("wait", "")
    return min(_MAX_WAIT_S, int(asked)) if _SECONDS.fullmatch(asked) else 0


async def defer(
    request: Request,
    app: AppContext,
    deferral: Deferral,
    work: Callable[[Callable[[int], None]], Awaitable[Result]],
    *,
    caller: str,
    deadline_s: float,
    files: Sequence[tuple[str, bytes]],
    fields: Sequence[tuple[str, str]],
) -> Response:
    """Take the job and answer 202.

    Args:
        request: the request, whose body has been read.
        app: the app's objects.
        deferral: what its headers say.
        work: as `Task.work`.
        caller: name of the caller's key.
        deadline_s: when the job's result becomes worthless, on the monotonic clock.
        files: the files of the body, by their names in the form.
        fields: its options.

    Raises:
        IdempotencyKeyReused, Draining, RateLimited, BodyTooLarge, ServerFull: as
            `JobQueue.submit` does.
    """
    retry = None
    if deferral.idempotency_key is not None:
        headers = (request.headers.get("accept"), deferral.webhook_url)
        asked = (request.url.path, *headers, *(f"{n}={value}" for n, value in sorted(fields)))
        retry = Retry(deferral.idempotency_key, await asyncio.to_thread(_fingerprint, asked, files))
    job = app.jobs.submit(
        Task(
            operation=request.url.path,
            caller=caller,
            num_bytes=sum(len(data) for _, data in files),
            deadline_s=deadline_s,
            work=work,
            describe=lambda error: _counted_problem(request, app, error),
            retry=retry,
            webhook_url=deferral.webhook_url,
        )
    )
    return Response(
        JobStatus.of(job).model_dump_json(),
        202,
        media_type="application/json",
        headers={"Cache-Control": "no-store", "Location": path_of(job), APPLIED: RESPOND_ASYNC},
    )


def _counted_problem(request: Request, app: AppContext, error: Exception) -> Mapping[str, object]:
    problem = problem_body(request, error)
    app.metrics.count_problem(str(problem["code"]))
    return problem


def _fingerprint(asked: Sequence[str | None], files: Sequence[tuple[str, bytes]]) -> str:
    """Return a checksum of all that a request asks for, in hex."""
    digests = [(name, hashlib.sha256(data).hexdigest()) for name, data in files]
    return hashlib.sha256(json.dumps([asked, digests]).encode()).hexdigest()


def _preferences(request: Request) -> dict[str, str]:
    """Return the preferences by name, in lower case; of several values the first one counts."""
    found: dict[str, str] = {}
    for header in request.headers.getlist(PREFER):
        for preference in header.split(","):
            name, _, value = preference.partition(";")[0].partition("=")
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found
