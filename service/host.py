"""What the machine, or its container, gives this process."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_CGROUP_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_MEMORY: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def available_cpus(quota_file: Path = _CGROUP_QUOTA) -> int:
    """Return the number of CPUs this process may use: its affinity, capped by the cgroup's quota.

    Args:
        quota_file: cgroup v2 `cpu.max`, holding `max <period>` or `<quota> <period>`.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if quota_file.exists():
        quota, period = quota_file.read_text().split()
        if quota != "max":
            cpus = min(cpus, math.ceil(int(quota) / int(period)))
    return max(1, cpus)


def available_memory_bytes(limit_files: Sequence[Path] = _CGROUP_MEMORY) -> int:
    """Return how much memory this process may use: the machine's, capped by the cgroup's limit.

    Args:
        limit_files: the limit of cgroup v2 and of v1; the first that exists counts.
    """
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit_file in limit_files:
        if limit_file.exists():
            limit = limit_file.read_text().strip()
            return min(total, int(limit)) if limit != "max" else total
    return total
