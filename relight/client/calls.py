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
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, Final, Generic, Literal, TypedDict, TypeVar, Unpack

import anyio
import httpx

from relight.client.answers import (
    Answer,
    Catalogue,
    Maps,
    Relit,
    read_batch,
    read_catalogue,
    read_failure,
    read_maps,
    read_relit,
)
from relight.errors import DeadlineExceeded, RelightError, Unavailable
from relight.options import Options

T = TypeVar("T")
Image = str | Path | bytes | BinaryIO  # a path, a file's bytes, or an open file
Priority = Literal["interactive", "bulk"]


_PIECE_BYTES: Final = 2**18
_CONNECT_S: Final = 5.0
_BACKOFF_S: Final = 0.25
_MAX_BACKOFF_S: Final = 10.0


class _How(TypedDict):
    timeout_s: float | None
    priority: Priority | None


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
        self, image: Image, mask: Image | None, options: Options, **how: Unpack[_How]
    ) -> Call[Relit]:
        files = [image] if mask is None else [image, mask]
        return self._call("/relight", read_relit, files, options, **how)

    def _relight_batch(
        self, images: Sequence[Image], options: Options, **how: Unpack[_How]
    ) -> Call[Sequence[Relit | RelightError]]:
        if how["timeout_s"] is None:
            how["timeout_s"] = self._timeout_s * max(1, len(images))
        return self._call("/relight/batch", read_batch, images, options, **how)

    def _maps(self, image: Image, model: str | None, **how: Unpack[_How]) -> Call[Maps]:
        options: Options = {} if model is None else {"model": model}
        return self._call("/maps", read_maps, [image], options, **how)

    def _models(self) -> Call[Catalogue]:
        return self._call("/models", read_catalogue, [], {}, timeout_s=None, priority=None)

    def _call(
        self,
        path: str,
        read: Callable[[Answer], T],
        images: Sequence[Image],
        options: Options,
        **how: Unpack[_How],
    ) -> Call[T]:
        priority = how["priority"]
        return Call(
            httpx.URL(
                self._url + path, params={n: _text(v) for n, v in options.items() if v is not None}
            ),
            read,
            [_Photo(image) for image in images],
            headers=self._headers | ({"X-Priority": priority} if priority else {}),
            timeout_s=self._timeout_s if how["timeout_s"] is None else how["timeout_s"],
            max_retries=self._max_retries,
        )


class Call(Generic[T]):
    """One call with its deadline and its retries.

    Args:
        url: its address, with the options in the query.
        read: converts a successful answer to the result.
        photos: the photos to send, or one with its mask; none for a GET.
        headers: headers of every try.
        timeout_s: time from now to the deadline.
        max_retries: maximum number of retries.
    """

    def __init__(
        self,
        url: httpx.URL,
        read: Callable[[Answer], T],
        photos: Sequence[_Photo],
        *,
        headers: Mapping[str, str],
        timeout_s: float,
        max_retries: int,
    ) -> None:
        self._url, self._read, self._photos, self._headers = url, read, photos, headers
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
            "X-Request-Timeout-Ms": str(max(1, int(left_s * 1e3))),
        }
        with ExitStack() as stack:
            files = [stack.enter_context(photo.opened()) for photo in self._photos]
            request = self._request(files, headers)
            timeout = httpx.Timeout(left_s, connect=min(left_s, _CONNECT_S))
            request.extensions["timeout"] = timeout.as_dict()
            yield request

    def _request(self, files: Sequence[BinaryIO], headers: dict[str, str]) -> httpx.Request:
        is_batch = self._url.path.endswith("/batch")
        if is_batch or len(files) > 1:
            names = [photo.name for photo in self._photos]
            fields = ["image"] * len(names) if is_batch else ["image", "mask"]
            parts = list(zip(fields, zip(names, files, strict=True), strict=True))
            return httpx.Request("POST", self._url, headers=headers, files=parts)
        if not files:
            return httpx.Request("GET", self._url, headers=headers)
        start = files[0].tell()
        headers["Content-Length"] = str(files[0].seek(0, io.SEEK_END) - start)
        headers["Content-Type"] = (
            "application/octet-stream"  # the service detects the type from the bytes
        )
        files[0].seek(start)
        return httpx.Request("POST", self._url, headers=headers, stream=_Body(files[0], self.check))

    def result(self, answer: Answer) -> T:
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


class _Photo:
    """An image that can be sent again: a path is reopened, a file is rewound."""

    def __init__(self, image: Image) -> None:
        if not isinstance(image, str | Path | bytes) and not image.seekable():
            image = image.read()  # a pipe can be read only once
        self._image = image
        self._start = 0 if isinstance(image, str | Path | bytes) else image.tell()
        self.name = Path(image).name if isinstance(image, str | Path) else "photo"

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Yield the image as a file, positioned at its start."""
        if isinstance(self._image, bytes):
            yield io.BytesIO(self._image)
        elif isinstance(self._image, str | Path):
            with Path(self._image).open("rb") as file:
                yield file
        else:
            self._image.seek(self._start)
            yield self._image


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A file that is read in chunks while it is sent."""

    def __init__(self, file: BinaryIO, check: Callable[[], None]) -> None:
        self._file, self._check = file, check

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(_PIECE_BYTES):
            self._check()
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await anyio.to_thread.run_sync(self._file.read, _PIECE_BYTES):
            yield piece


def _text(value: object) -> str:
    """Write an option's value as a query has it."""
    if isinstance(value, str) or not isinstance(value, bool | Sequence):
        return str(value)
    return json.dumps(value)
