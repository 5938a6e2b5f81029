"""The calls that both clients offer, without I/O."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from types import MappingProxyType
from typing import Literal, TypedDict, TypeVar, Unpack

import httpx

from relight.client.answers import (
    Catalogue,
    HttpAnswer,
    Job,
    Maps,
    Relit,
    read_batch,
    read_catalogue,
    read_job,
    read_maps,
    read_nothing,
    read_relit,
    read_submitted,
)
from relight.client.call import TIMEOUT_HEADER, Call
from relight.client.files import Image, ImageFile
from relight.errors import RelightError
from relight.options import Options

T = TypeVar("T")
Priority = Literal["interactive", "bulk"]


class _How(TypedDict):
    timeout_s: float | None
    priority: Priority | None


class JobOptions(TypedDict, total=False):
    """How a job is sent.

    Attributes:
        idempotency_key: the same request, sent again with it, is the same job; else a new one.
        webhook_url: URL to notify when the job ends.
        job_timeout_s: time limit of the job; else the service's own.
    """

    idempotency_key: str
    webhook_url: str
    job_timeout_s: float


class Calls:
    """The common part of both clients: everything except the I/O."""

    def __init__(self, url: str, *, key: str | None, timeout_s: float, max_retries: int) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} does not begin with http:// or https://")
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._headers = {"User-Agent": f"relight/{version('relight')}"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"

    def _relight(
        self,
        image: Image,
        companions: Mapping[str, Image | None],
        options: Options,
        **how: Unpack[_How],
    ) -> Call[Relit]:
        return self._call("/relight", read_relit, parts_of(image, companions), options, **how)

    def _relight_batch(
        self, images: Sequence[Image], options: Options, **how: Unpack[_How]
    ) -> Call[Sequence[Relit | RelightError]]:
        if how["timeout_s"] is None:
            how["timeout_s"] = self._timeout_s * max(1, len(images))
        files = [("image", image) for image in images]
        return self._call("/relight/batch", read_batch, files, options, **how)

    def _maps(self, image: Image, model: str | None, **how: Unpack[_How]) -> Call[Maps]:
        options: Options = {} if model is None else {"model": model}
        return self._call("/maps", read_maps, [("image", image)], options, **how)

    def _submit(
        self,
        image: Image,
        companions: Mapping[str, Image | None],
        options: Options,
        job: JobOptions | None,
        **how: Unpack[_How],
    ) -> Call[Job]:
        return self._deferred("/relight", parts_of(image, companions), options, job or {}, **how)

    def _submit_batch(
        self,
        images: Sequence[Image],
        options: Options,
        job: JobOptions | None,
        **how: Unpack[_How],
    ) -> Call[Job]:
        files = [("image", image) for image in images]
        return self._deferred("/relight/batch", files, options, job or {}, **how)

    def _deferred(
        self,
        path: str,
        files: Sequence[tuple[str, Image]],
        options: Options,
        job: JobOptions,
        **how: Unpack[_How],
    ) -> Call[Job]:
        headers = {
            "Prefer": "respond-async",
            # Without one, a retry after a lost connection would be another job.
            "Idempotency-Key": job.get("idempotency_key") or uuid.uuid4().hex,
        }
        if "webhook_url" in job:
            headers["X-Webhook-Url"] = job["webhook_url"]
        if "job_timeout_s" in job:
            headers[TIMEOUT_HEADER] = str(max(1, int(job["job_timeout_s"] * 1e3)))
        return self._call(
            path, read_submitted, files, options, headers=headers, limits=False, **how
        )

    def _job(self, job: Job | str, wait_s: float, **how: Unpack[_How]) -> Call[Job]:
        headers = {"Prefer": f"wait={round(wait_s)}"}
        return self._call(_path(job), read_job, [], {}, headers=headers, **how)

    def _fetch(
        self, job: Job | str, read: Callable[[HttpAnswer], T], **how: Unpack[_How]
    ) -> Call[T]:
        return self._call(f"{_path(job)}/result", read, [], {}, **how)

    def _cancel(self, job: Job | str) -> Call[None]:
        how: _How = {"timeout_s": None, "priority": None}
        return self._call(_path(job), read_nothing, [], {}, method="DELETE", **how)

    def _models(self) -> Call[Catalogue]:
        return self._call("/models", read_catalogue, [], {}, timeout_s=None, priority=None)

    def _call(
        self,
        path: str,
        read: Callable[[HttpAnswer], T],
        files: Sequence[tuple[str, Image]],
        options: Options,
        *,
        method: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        limits: bool = True,
        **how: Unpack[_How],
    ) -> Call[T]:
        priority = how["priority"]
        return Call(
            httpx.URL(
                self._url + path, params={n: _text(v) for n, v in options.items() if v is not None}
            ),
            read,
            [(field, ImageFile(image)) for field, image in files],
            method=method or ("POST" if files else "GET"),
            headers={**self._headers, **headers, **({"X-Priority": priority} if priority else {})},
            limits=limits,
            timeout_s=self._timeout_s if how["timeout_s"] is None else how["timeout_s"],
            max_retries=self._max_retries,
        )


def parts_of(image: Image, companions: Mapping[str, Image | None]) -> Sequence[tuple[str, Image]]:
    """Return the files of a form: a photo, and what it brings along."""
    given = [(name, file) for name, file in companions.items() if file is not None]
    return [("image", image), *given]


def _path(job: Job | str) -> str:
    return f"/jobs/{job if isinstance(job, str) else job.id}"


def _text(value: object) -> str:
    """Write an option's value as a query has it."""
    if isinstance(value, str) or not isinstance(value, bool | Sequence):
        return str(value)
    return json.dumps(value)
