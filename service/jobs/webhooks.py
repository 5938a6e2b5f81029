"""Webhooks: one signed POST that says how a job ended, to an address that was checked.

Signed as Standard Webhooks has it (https://www.standardwebhooks.com, symmetric scheme `v1`):

    webhook-id         the job's id, the same at every try
    webhook-timestamp  seconds since 1970, of this try
    webhook-signature  v1,BASE64(HMAC-SHA256(secret, "ID.TIMESTAMP.BODY"))

The body has no picture: the receiver fetches the result. Redirects are not followed, the answer's
body is not read, and proxies of the environment are not used. Each try has a connection of its own,
as one to the same address may have been verified for another name.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from service.jobs.destinations import Destinations, RefusedDestination, Target
from service.jobs.job import Job
from service.jobs.metrics import JobMetrics

_TRY_S: Final = 10.0
_PAUSES_S: Final = (1.0, 5.0, 30.0, 120.0)
_NUM_AT_ONCE: Final = 4  # of one caller
_AGAIN: Final = frozenset({408, 425, 429, *range(500, 600)})

_log = logging.getLogger("relight.jobs")


class WebhookRefused(Exception):
    """A caller may not have a webhook, or not there; the text says why."""


class Webhooks:
    """Deliver webhooks, a few of each caller at once, each with a bounded number of tries.

    Args:
        destinations: where they may go.
        secrets: by the name of a caller's key: what its webhooks are signed with.
        metrics: counts them.
        pauses_s: pauses between the tries.
    """

    def __init__(
        self,
        destinations: Destinations,
        secrets: Mapping[str, bytes],
        metrics: JobMetrics,
        *,
        pauses_s: Sequence[float] = _PAUSES_S,
    ) -> None:
        self._destinations = destinations
        self._secrets = secrets
        self._metrics = metrics
        self._pauses_s = pauses_s
        self._places = {caller: asyncio.Semaphore(_NUM_AT_ONCE) for caller in secrets}
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    def check(self, caller: str, url: str) -> None:
        """Refuse what could never be delivered.

        Raises:
            WebhookRefused: the caller has no secret, or the URL is not allowed.
        """
        if caller not in self._secrets:
            raise WebhookRefused("this service signs no webhooks for this caller")
        try:
            self._destinations.check(url)
        except RefusedDestination as error:
            raise WebhookRefused(f"the webhook cannot go there: {error}") from None

    async def deliver(self, job: Job) -> None:
        """Say how a job ended; a failure is logged and counted, and the job stays as it is."""
        outcome = "failed"
        try:
            outcome = await self._try_often(job)
        finally:
            self._metrics.webhooks.labels(outcome).inc()

    async def _try_often(self, job: Job) -> str:
        assert job.webhook_url is not None
        body = json.dumps(_event(job)).encode()
        reason = ""
        for pause_s in (*self._pauses_s, None):
            try:
                async with self._places[job.caller], asyncio.timeout(_TRY_S):
                    target = await self._destinations.resolve(job.webhook_url)
                    status = await self._post(target, job, body)
            except RefusedDestination as error:
                reason = str(error)
                break
            except (OSError, TimeoutError, httpx.HTTPError) as error:
                reason = str(error) or type(error).__name__
            else:
                if 200 <= status < 300:
                    return "delivered"
                reason = f"the receiver answered {status}"
                if status not in _AGAIN:
                    break
            if pause_s is not None:
                await asyncio.sleep(pause_s)
        _log.warning("the webhook of job %s was not delivered: %s", job.id, reason)
        return "failed"

    async def _post(self, target: Target, job: Job, body: bytes) -> int:
        """Send one try to the address that was checked; return the status of the answer."""
        timestamp = str(int(time.time()))
        signed = f"{job.id}.{timestamp}.".encode() + body
        digest = hmac.new(self._secrets[job.caller], signed, hashlib.sha256).digest()
        headers = {
            "Host": target.url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "User-Agent": "Relight",
            "webhook-id": job.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }
        client = await self._shared_client()
        request = client.build_request(
            "POST",
            target.url.copy_with(host=str(target.address)),
            headers=headers,
            content=body,
            # TLS asks for the host by its name and verifies it, whatever the address is.
            extensions={"sni_hostname": target.url.raw_host.decode("ascii")},
        )
        answer = await client.send(request, stream=True)
        await answer.aclose()
        return answer.status_code

    async def _shared_client(self) -> httpx.AsyncClient:
        """Return the one client of all tries; reading certificates takes time."""
        async with self._opening:
            if self._client is None:
                self._client = httpx.AsyncClient(
                    verify=await asyncio.to_thread(httpx.create_ssl_context),
                    trust_env=False,
                    follow_redirects=False,
                    timeout=_TRY_S,
                    limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
                )
            return self._client

    async def close(self) -> None:
        """Close the client; nothing is delivered any more."""
        if self._client is not None:
            await self._client.aclose()


def _event(job: Job) -> dict[str, Any]:
    """Return what a webhook says."""
    assert job.ended_at is not None
    return {
        "type": f"job.{job.state}",
        "timestamp": job.ended_at.isoformat(),
        "data": {
            "id": job.id,
            "operation": job.operation,
            "state": job.state,
            "code": None if job.problem is None else job.problem.get("code"),
        },
    }
