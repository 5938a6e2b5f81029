"""Refuses requests whose answer would be late, or that would wait too long.

The wait is estimated from the pending work of the CPU threads and the device, so that a refusal is
cheap and says when to retry.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from relight.errors import ModelNotReady, Overloaded
from service.batching.urgency import Priority
from service.inference.model import Model
from service.inference.repository import ModelRepository
from service.traffic.cpu_pool import CpuPool, Step
from service.traffic.latency_estimate import LatencyEstimate


class Admission:
    """Refuse requests that could not be served in time.

    Args:
        repository: the models.
        pool: threads for the CPU's work.
        max_wait_s: longest wait for a CPU thread or for the device.
    """

    def __init__(self, repository: ModelRepository, pool: CpuPool, *, max_wait_s: float) -> None:
        self._repository = repository
        self._pool = pool
        self._max_wait_s = max_wait_s
        self._coming: defaultdict[str, Counter[Hashable]] = defaultdict(Counter)
        self._lag = LatencyEstimate()

    @contextmanager
    def coming(self, caller: str, work: Hashable) -> Iterator[None]:
        """Count a caller's work on its way to the device's queue; identical work counts once.

        Once one of the requests that share it has arrived, the others need not be counted.
        """
        coming = self._coming[caller]
        coming[work] += 1
        try:
            yield
        except BaseException:
            coming[work] -= 1
            if coming[work] <= 0:
                del coming[work]
            raise
        for works in self._coming.values():
            works.pop(work, None)

    def expects(self, work: Hashable) -> bool:
        """Return whether the same work is already on its way."""
        return any(work in coming for coming in self._coming.values())

    def learn_lag(self, duration_s: float) -> None:
        """Record how long an answer waited after the end of its batch."""
        self._lag.observe(duration_s)

    def device_deadline_s(self, deadline_s: float) -> float:
        """Return the deadline of the device for an answer that is due at `deadline_s`.

        Finishing takes time, and on a busy machine threads and the event loop wake late. The device
        always gets at least half of the remaining time: if no request were admitted, nothing more
        would be learned.
        """
        after_s = self._pool.mean_s(Step.FINISH) + self._lag.most_s
        left_s = max(0.0, deadline_s - time.monotonic())
        return deadline_s - min(after_s, left_s / 2)

    def check(
        self,
        deadline_s: float,
        priority: Priority,
        caller: str,
        *,
        model: Model | None = None,
        is_read: bool = False,
    ) -> None:
        """Refuse a request that could not be served in time, before any work.

        Args:
            deadline_s: deadline of the answer, on the monotonic clock.
            priority: the request's class.
            caller: who sent it.
            model: which one it is for; None while that is not known.
            is_read: whether its scene is kept, so that the device has only to light it.

        Raises:
            ModelNotReady, Overloaded, DeadlineExceeded, Draining: the reason.
        """
        if not self._repository.models:
            raise ModelNotReady("the models are still being loaded")
        device_deadline_s = self.device_deadline_s(deadline_s)
        wait_s = self._pool.wait_s(caller)
        left_s = device_deadline_s - time.monotonic() - self._pool.mean_s(Step.PREPARE)
        limit_s = max(0.0, min(self._max_wait_s, left_s))
        if wait_s > limit_s:
            raise Overloaded(
                f"the estimated wait of {wait_s * 1e3:.0f} ms exceeds {limit_s * 1e3:.0f} ms",
                retry_after_s=wait_s,
            )
        if model is None:  # nothing is known yet: the scene may have been read
            model = min(self._repository.models, key=lambda model: model.batcher.wait_s)
            is_read = True
        key = model.durations.following(model.durations.last_key) if is_read else None
        model.batcher.check(
            device_deadline_s,
            priority,
            caller=caller,
            key=key,
            num_coming=self._num_coming_before(caller),
        )

    def _num_coming_before(self, caller: str) -> int:
        """Return the number of photos on their way that run before the caller's next one."""
        own = len(self._coming[caller])
        others = (len(coming) for name, coming in self._coming.items() if name != caller)
        return own + sum(min(number, own + 1) for number in others)
