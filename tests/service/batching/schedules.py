"""Jobs without a thread, and schedules to put them in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hypothesis import strategies as st

from service.batching.durations import Durations
from service.batching.schedule import Schedule
from service.batching.sizes import BatchSizes
from service.batching.urgency import Priority


@dataclass(eq=False)
class Job:
    key: str = "a"
    arrived_s: float = 0.0
    deadline_s: float = math.inf
    priority: Priority = Priority.INTERACTIVE
    abandoned: bool = False
    caller: str = "somebody"


def durations(**known_s: dict[int, float]) -> Durations:
    table = Durations()
    for key, by_size in known_s.items():
        for size, duration_s in by_size.items():
            table.observe(key, size, duration_s)
    return table


def schedule(
    table: Durations | None = None,
    *,
    max_size: int = 4,
    max_wait_s: float = math.inf,
    max_concurrency: int = 1,
):
    sizes = [n for n in (1, 2, 4, 8) if n <= max_size]
    return Schedule[Job](
        table or Durations(),
        BatchSizes(sizes),
        max_wait_s=max_wait_s,
        max_concurrency=max_concurrency,
    )


def admitted(plan: Schedule[Job], jobs: list[Job]) -> list[Job]:
    for job in jobs:
        plan.admit(job, now_s=job.arrived_s)
    return jobs


arrivals = st.lists(
    st.builds(
        Job,
        key=st.sampled_from("abc"),
        arrived_s=st.floats(0, 10),
        deadline_s=st.one_of(st.just(math.inf), st.floats(0, 40)),
        priority=st.sampled_from(Priority),
        abandoned=st.booleans(),
        caller=st.sampled_from(["x", "y", "z"]),
    ),
    max_size=60,
).map(lambda jobs: sorted(jobs, key=lambda job: job.arrived_s))
