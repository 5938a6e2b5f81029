"""Who may come in: nobody whose answer would be late, and nobody who would wait too long.

The wait is estimated from what the CPU's threads and the device have before them, so that
a refusal costs nothing and says when it is worth coming back.
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
    """Refuse what could not be served in time.

    Args:
        repository: the models.
        pool: threads for the CPU's work.
        max_wait_s: refuses what would wait longer, for a CPU thread or for the device.
    """

    def __init__(self, repository: ModelRepository, pool: CpuPool, *, max_wait_s: float) -> None:
        self._repository = repository
        self._pool = pool
        self._max_wait_s = max_wait_s
        self._coming: defaultdict[str, Counter[Hashable]] = defaultdict(Counter)
        self._lag = LatencyEstimate()

    @contextmanager
    def coming(self, caller: str, work: Hashable) -> Iterator[None]:
        """Count work of a caller that is on its way to the device's queue; equal work once.

        Once one of those who share it has come through, nobody else need bring it.
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
        """Tell whether the same work is on its way already."""
        return any(work in coming for coming in self._coming.values())

    def learn_lag(self, duration_s: float) -> None:
        """Learn for how long an answer only waited, from the end of its batch on."""
        self._lag.observe(duration_s)

    def device_deadline_s(self, deadline_s: float) -> float:
        """Return when the device must be done, so that the answer is ready at `deadline_s`.

        Finishing takes time, and on a busy machine threads and the event loop wake late. Half of
        what is left goes to the device in any case: if nobody came in, nothing would be learned.
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
        """Refuse, before work is done for it, what could not be served in time.

        Args:
            deadline_s: when the answer becomes worthless, on the monotonic clock.
            priority: the request's class.
            caller: whose it is.
            model: which one it is for; None while that is not known.
            is_read: whether its scene is kept, so that the device has only to light it.

        Raises:
            ModelNotReady, Overloaded, DeadlineExceeded, Draining: why not.
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
        """Return how many photos on their way go before the caller's next: callers take turns."""
        own = len(self._coming[caller])
        others = (len(coming) for name, coming in self._coming.items() if name != caller)
        return own + sum(min(number, own + 1) for number in others)
