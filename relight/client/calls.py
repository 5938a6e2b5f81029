"""The calls of the client without I/O: requests, retries and results.

Call.request -> [sent] -> Call.result
     ^                        | RelightError, TransportError
     +------ Call.pause_s <---+
"""

from __future__ import annotations

import io
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from types import MappingProxyType
from typing import BinaryIO, Final, Generic, Literal, TypedDict, TypeVar, Unpack

import httpx

from relight.client.answers import (
    Catalogue,
    HttpAnswer,
    Job,
    Maps,
    Relit,
    read_batch,
    read_catalogue,
    read_failure,
    read_job,
    read_maps,
    read_nothing,
    read_relit,
    read_submitted,
)
from relight.client.files import Image, ImageFile, RequestBody
from relight.errors import DeadlineExceeded, RelightError, Unavailable
from relight.options import Options

T = TypeVar("T")
Priority = Literal["interactive", "bulk"]


_TIMEOUT: Final = "X-Request-Timeout-Ms"
_CONNECT_S: Final = 5.0
_BACKOFF_S: Final = 0.25
_MAX_BACKOFF_S: Final = 10.0


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
            headers[_TIMEOUT] = str(max(1, int(job["job_timeout_s"] * 1e3)))
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


class Call(Generic[T]):
    """One call with its deadline and its retries.

    Args:
        url: its address, with the options in the query.
        read: converts a successful answer to the result.
        photos: the files to send, each with the name of its field; none for a GET.
        method: of HTTP.
        headers: headers of every try.
        limits: whether to give the service the same time limit.
        timeout_s: time from now to the deadline.
        max_retries: maximum number of retries.
    """

    def __init__(
        self,
        url: httpx.URL,
        read: Callable[[HttpAnswer], T],
        photos: Sequence[tuple[str, ImageFile]],
        *,
        method: str,
        headers: Mapping[str, str],
        limits: bool,
        timeout_s: float,
        max_retries: int,
    ) -> None:
        self._url, self._read, self._photos, self._headers = url, read, photos, headers
        self._method, self._limits = method, limits
        self._deadline_s = time.monotonic() + timeout_s
        self._num_tries, self._max_retries = 0, max_retries
        self.too_late = f"no answer from {url.copy_with(query=None)} within {timeout_s:g} s"

    @property
    def left_s(self) -> float:
        """Time left, in seconds; not negative."""
        return max(0.0, self._deadline_s - time.monotonic())

    def check(self) -> None:
        """Raise DeadlineExceeded if the time is up."""
        if not self.left_s:
            raise DeadlineExceeded(self.too_late)

    @contextmanager
    def request(self) -> Iterator[httpx.Request]:
        """Yield the request of the next try; its photos are open inside."""
        self.check()
        self._num_tries += 1
        left_s = self.left_s
        headers = {
            "Host": self._url.netloc.decode(),  # httpx adds none to a stream
            **self._headers,
        }
        if self._limits:
            headers[_TIMEOUT] = str(max(1, int(left_s * 1e3)))
        with ExitStack() as stack:
            files = [stack.enter_context(photo.opened()) for _, photo in self._photos]
            request = self._request(files, headers)
            timeout = httpx.Timeout(left_s, connect=min(left_s, _CONNECT_S))
            request.extensions["timeout"] = timeout.as_dict()
            yield request

    def _request(self, files: Sequence[BinaryIO], headers: dict[str, str]) -> httpx.Request:
        is_batch = self._url.path.endswith("/batch")
        if is_batch or len(files) > 1:
            parts = [
                (field, (photo.name, file))
                for (field, photo), file in zip(self._photos, files, strict=True)
            ]
            return httpx.Request("POST", self._url, headers=headers, files=parts)
        if not files:
            return httpx.Request(self._method, self._url, headers=headers)
        start = files[0].tell()
        headers["Content-Length"] = str(files[0].seek(0, io.SEEK_END) - start)
        headers["Content-Type"] = (
            "application/octet-stream"  # the service detects the type from the bytes
        )
        files[0].seek(start)
        return httpx.Request(
            "POST", self._url, headers=headers, stream=RequestBody(files[0], self.check)
        )

    def result(self, answer: HttpAnswer) -> T:
        """Return the result of a successful answer; raise the error of another one."""
        if not 200 <= answer.status < 300:
            raise read_failure(answer)
        return self._read(answer)

    def pause_s(self, error: Exception) -> float:
        """Return the pause before the next try, in seconds.

        Raises:
            RelightError: `error` or its equivalent, if a retry is useless or too late.
        """
        failure = self._failure(error)
        if isinstance(failure, Unavailable) and self._num_tries <= self._max_retries:
            backoff_s = min(_MAX_BACKOFF_S, _BACKOFF_S * 2.0**self._num_tries)
            # Never earlier than the service says, and not all callers at the same moment.
            jitter_s = backoff_s / 2 * random.random()  # noqa: S311 - no secret
            pause_s = max(failure.retry_after_s, backoff_s / 2) + jitter_s
            if pause_s < self.left_s:
                return pause_s
        if failure is error:
            raise failure
        raise failure from error

    def _failure(self, error: Exception) -> RelightError:
        if isinstance(error, RelightError):
            return error
        timed_out = isinstance(error, httpx.TimeoutException)
        if timed_out and not isinstance(error, httpx.ConnectTimeout):
            return DeadlineExceeded(self.too_late)
        where = self._url.copy_with(query=None)
        reason = str(error) or type(error).__name__
        return Unavailable(f"{where} cannot be reached: {reason}", retry_after_s=0.0)


def _path(job: Job | str) -> str:
    return f"/jobs/{job if isinstance(job, str) else job.id}"


def _text(value: object) -> str:
    """Write an option's value as a query has it."""
    if isinstance(value, str) or not isinstance(value, bool | Sequence):
        return str(value)
    return json.dumps(value)
