"""Gives the pool as many threads as the process has CPUs, also after that has changed.

Kubernetes changes the CPU limit of a running container in place: the cgroup's quota.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from service.host import available_cpus
from service.traffic.cpu_pool import CpuPool

_PERIOD_S: Final = 5.0

_log = logging.getLogger(__name__)


async def follow_quota(
    pool: CpuPool,
    *,
    period_s: float = _PERIOD_S,
    num_cpus: Callable[[], int] = available_cpus,
) -> None:
    """Resize the pool, for ever, whenever the number of CPUs has changed.

    Args:
        pool: the pool.
        period_s: how often to look.
        num_cpus: counts the CPUs.
    """
    while True:
        await asyncio.sleep(period_s)
        num_threads = num_cpus()
        if num_threads != pool.num_threads:
            _log.info("%d threads decode and encode, as there are as many CPUs", num_threads)
            pool.resize(num_threads)
