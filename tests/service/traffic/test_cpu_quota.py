"""A running service follows the CPU limit that Kubernetes changes in place."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.harness import running
from service.traffic.cpu_pool import CpuPool
from service.traffic.cpu_quota import follow_quota
from tests.service.calls import wait_until

CGROUP = Path("/sys/fs/cgroup")
PERIOD_US = 100_000


@dataclass(frozen=True)
class CpuGroup:
    """A cgroup of this machine: its folder, and where a container would see it."""

    folder: Path
    seen_at: Path

    def limit(self, num_cpus: float) -> None:
        """Give its processes so much CPU time."""
        quota_us = int(num_cpus * PERIOD_US)
        if (file := self.folder / "cpu.max").exists():
            file.write_text(f"{quota_us} {PERIOD_US}")
        else:
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota_us))

    def command(self) -> list[str]:
        """Return a program that runs another one in the cgroup, and shows it that alone."""
        script = 'echo $$ > "$1/cgroup.procs" && mount --bind "$1" "$2" && shift 2 && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, "sh", str(self.folder), str(self.seen_at)]


@pytest.fixture
def cgroup() -> Iterator[CpuGroup]:
    """A new cgroup, of either version."""
    seen_at = CGROUP if (CGROUP / "cgroup.controllers").exists() else CGROUP / "cpu"
    group = CpuGroup(seen_at / f"relight-{os.getpid()}", seen_at)
    try:
        group.folder.mkdir()
        group.limit(1)
        subprocess.run([*group.command(), "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        if group.folder.exists():
            group.folder.rmdir()
        pytest.skip(f"this machine gives no cgroup with a CPU limit: {error}")
    yield group
    group.folder.rmdir()


@pytest.mark.serial
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one CPU cannot become two")
def test_a_running_service_has_a_thread_for_each_cpu_of_its_quota(cgroup):
    with running("10+1n", prefix=cgroup.command()) as service:
        for num_cpus in (1, 2, 0.5):
            cgroup.limit(num_cpus)
            wanted = max(1, num_cpus)
            wait_until(lambda wanted=wanted: service.metric("relight_cpu_threads") == wanted)


async def test_the_pool_is_resized_when_the_number_of_cpus_changes():
    pool, numbers, seen = CpuPool(2), iter([2, 3, 3, 1]), []

    def num_cpus() -> int:
        seen.append(pool.num_threads)
        return next(numbers)

    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(follow_quota(pool, period_s=0.001, num_cpus=num_cpus), 30)
    assert seen == [2, 2, 3, 3, 1]
    pool.close()
