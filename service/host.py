"""Reads how many CPUs and how much memory the machine, or its container, gives this process."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_CGROUP: Final = Path("/sys/fs/cgroup")
_CGROUP_MEMORY: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def available_cpus(folder: Path = _CGROUP) -> int:
    """Return the number of CPUs this process may use: its affinity, capped by the cgroup's quota.

    Args:
        folder: the cgroup file system, with `cpu.max` of cgroup v2, or `cpu/` of v1.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota_us, period_us = _cpu_quota_us(folder)
    if quota_us > 0:
        cpus = min(cpus, math.ceil(quota_us / period_us))
    return max(1, cpus)


def _cpu_quota_us(folder: Path) -> tuple[int, int]:
    """Return CPU time and the period that it is for; -1 for no limit."""
    if (file := folder / "cpu.max").exists():
        quota, period = file.read_text().split()
        return (-1 if quota == "max" else int(quota)), int(period)
    if (file := folder / "cpu" / "cpu.cfs_quota_us").exists():
        period_us = int(file.with_name("cpu.cfs_period_us").read_text())
        return int(file.read_text()), period_us
    return -1, 1


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
