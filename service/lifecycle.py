"""Says whether the process is alive, ready, or about to end."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from service.inference.repository import ModelRepository
from service.traffic.cpu_pool import CpuPool

_PERIOD_S: Final = 0.5

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Lifecycle:
    """The state of the process between start and shutdown.

    Attributes:
        repository: the models; empty until they are loaded.
        pool: the threads that decode and encode.
        draining: whether a shutdown was requested.
        listening: whether the API's port is open.
    """

    repository: ModelRepository
    pool: CpuPool
    draining: bool = False
    listening: bool = True

    @property
    def why_not_alive(self) -> str | None:
        """The reason why only a restart helps; None if the process is healthy."""
        for model in self.repository.models:
            if model.batcher.poisoned:
                return f"the device of {model.contract.name} broke down"
            if not model.batcher.alive and not self.draining:
                return f"the device thread of {model.contract.name} ended"
            if model.batcher.stuck:
                return f"{model.contract.name} hangs on the device"
        return self.pool.why_not_alive

    async def until_dead(self) -> None:
        """Return once only a restart can help."""
        while self.why_not_alive is None:  # noqa: ASYNC110 - a hanging thread sends no event
            await asyncio.sleep(_PERIOD_S)
        _log.critical("this process cannot go on: %s", self.why_not_alive)

    @property
    def why_not_ready(self) -> str | None:
        """The reason to send no requests now; None if ready."""
        if self.draining:
            return "draining"
        if not self.repository.models:
            return "the models are still being loaded"
        if not self.listening:
            return "the port is about to open"
        return self.why_not_alive
