"""Sends requests that are answered later, and follows them, for both clients."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, TypeVar, Unpack

import anyio

from relight.client.answers import Job, Relit, read_batch, read_relit
from relight.client.call import Call
from relight.client.calls import Calls, JobOptions, Priority
from relight.client.files import Image
from relight.errors import RelightError
from relight.options import Options

T = TypeVar("T")

_WAIT_S: Final = 20.0  # at a time
_PAUSE_S: Final = 0.5  # a proxy may drop `Prefer`, and then each answer comes at once


class BlockingJobs(Calls, ABC):
    """The calls of `Client` that are about jobs."""

    def submit(
        self,
        image: Image,
        *,
        mask: Image | None = None,
        depth: Image | None = None,
        reference: Image | None = None,
        job: JobOptions | None = None,
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Job:
        """Have one photo relit later, as a job; return it at once.

        It takes the arguments of `relight`, and those of `JobOptions` in `job`. Such as:

            job = client.submit("photo.jpg", azimuth=60)
            relit = client.result(job)

        The job lives in the memory of the service's process, for a limited time.

        Raises:
            RelightError: the call failed; the class gives the reason.
            OSError: the photo cannot be read.
        """
        companions = {"mask": mask, "depth": depth, "reference": reference}
        return self._run(
            self._submit(image, companions, options, job, timeout_s=timeout_s, priority=priority)
        )

    def submit_batch(
        self,
        images: Sequence[Image],
        *,
        job: JobOptions | None = None,
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Job:
        """Have many photos relit later, as one job."""
        return self._run(
            self._submit_batch(images, options, job, timeout_s=timeout_s, priority=priority)
        )

    def job(self, job: Job | str, *, wait_s: float = 0.0) -> Job:
        """Return how far a job is; with `wait_s`, up to 30, once it has ended or the time is up.

        Raises:
            JobNotFound: the service has forgotten it, or another process of it took it.
        """
        return self._run(self._job(job, wait_s, timeout_s=wait_s + self._timeout_s, priority=None))

    def result(self, job: Job | str) -> Relit:
        """Wait for a job of `submit` and return the relit photo; it stays there until it expires.

        Raises:
            RelightError: the job failed; the class gives the reason.
            JobNotFound: as `job` does.
        """
        self._until_ended(job)
        return self._run(self._fetch(job, read_relit, timeout_s=None, priority=None))

    def batch_result(self, job: Job | str) -> Sequence[Relit | RelightError]:
        """Wait for a job of `submit_batch`; return the result or error of each photo, in order."""
        self._until_ended(job)
        return self._run(self._fetch(job, read_batch, timeout_s=None, priority=None))

    def cancel(self, job: Job | str) -> None:
        """Cancel a job, whatever its state, and have the service forget it."""
        self._run(self._cancel(job))

    def _until_ended(self, job: Job | str) -> None:
        while not (found := self.job(job, wait_s=_WAIT_S)).has_ended:
            time.sleep(_PAUSE_S)
        if found.problem is not None:  # its answer would be the same at each try
            raise found.problem

    @abstractmethod
    def _run(self, call: Call[T]) -> T:
        """Send a call, again where that may help, and return its result."""


class AsyncJobs(Calls, ABC):
    """The calls of `AsyncClient` that are about jobs."""

    async def submit(
        self,
        image: Image,
        *,
        mask: Image | None = None,
        depth: Image | None = None,
        reference: Image | None = None,
        job: JobOptions | None = None,
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Job:
        """Have one photo relit later, as `Client.submit` does."""
        companions = {"mask": mask, "depth": depth, "reference": reference}
        return await self._run(
            self._submit(image, companions, options, job, timeout_s=timeout_s, priority=priority)
        )

    async def submit_batch(
        self,
        images: Sequence[Image],
        *,
        job: JobOptions | None = None,
        timeout_s: float | None = None,
        priority: Priority | None = None,
        **options: Unpack[Options],
    ) -> Job:
        """Have many photos relit later, as one job."""
        return await self._run(
            self._submit_batch(images, options, job, timeout_s=timeout_s, priority=priority)
        )

    async def job(self, job: Job | str, *, wait_s: float = 0.0) -> Job:
        """Return how far a job is, as `Client.job` does."""
        return await self._run(
            self._job(job, wait_s, timeout_s=wait_s + self._timeout_s, priority=None)
        )

    async def result(self, job: Job | str) -> Relit:
        """Wait for a job and return the relit photo, as `Client.result` does."""
        await self._until_ended(job)
        return await self._run(self._fetch(job, read_relit, timeout_s=None, priority=None))

    async def batch_result(self, job: Job | str) -> Sequence[Relit | RelightError]:
        """Wait for a job of `submit_batch`; return the result or error of each photo, in order."""
        await self._until_ended(job)
        return await self._run(self._fetch(job, read_batch, timeout_s=None, priority=None))

    async def cancel(self, job: Job | str) -> None:
        """Cancel a job, whatever its state, and have the service forget it."""
        await self._run(self._cancel(job))

    async def _until_ended(self, job: Job | str) -> None:
        while not (found := await self.job(job, wait_s=_WAIT_S)).has_ended:  # noqa: ASYNC110 - HTTP
            await anyio.sleep(_PAUSE_S)
        if found.problem is not None:
            raise found.problem

    @abstractmethod
    async def _run(self, call: Call[T]) -> T:
        """Send a call, as `BlockingJobs` does."""
