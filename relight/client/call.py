"""One call of the client without I/O: its request, its retries and its result.

Call.request -> [sent] -> Call.result
     ^                        | RelightError, TransportError
     +------ Call.pause_s <---+
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, Final, Generic, TypeVar

import httpx

from relight.client.answers import HttpAnswer, read_failure
from relight.client.files import ImageFile, RequestBody
from relight.errors import DeadlineExceeded, RelightError, Unavailable

T = TypeVar("T")

TIMEOUT_HEADER: Final = "X-Request-Timeout-Ms"

_CONNECT_S: Final = 5.0
_BACKOFF_S: Final = 0.25
_MAX_BACKOFF_S: Final = 10.0


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
            headers[TIMEOUT_HEADER] = str(max(1, int(left_s * 1e3)))
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
