"""Replaces one service after another under load: with SIGKILL, or in a rolling restart."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.fleet.clients import BROKEN, Clients, Errand, right_answers, statuses
from bench.fleet.members import CAPACITY_HZ, Fleet, fleet
from bench.fleet.tables import Table
from bench.open_loop import arrivals, quantile

DRAIN_S: Final = 2.0  # must exceed the time that the balancer takes to notice
LONGEST_S: Final = 300.0


@dataclass(slots=True)
class Replacement:
    """The results of a load during which services were replaced.

    Attributes:
        errands: the errands of all photos.
        num_connection_retries: connection retries of the balancer.
        out_s: for each service, from the signal to its last request.
        back_s: for each service, from its end to its first request.
        exit_statuses: exit status of each service.
    """

    errands: list[Errand] = field(default_factory=list)
    num_connection_retries: int = 0
    out_s: list[float] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    exit_statuses: list[int] = field(default_factory=list)

    @property
    def failed(self) -> list[Errand]:
        """Photos that their client never received."""
        return [errand for errand in self.errands if errand.end.status != 200]


def replace(
    with_signal: signal.Signals,
    *,
    retries: bool,
    num_services: int = 3,
    rate_hz: float = 1.5 * CAPACITY_HZ,
    deadline_s: float = 10.0,
    calm_s: float = 3.0,
    num_rounds: int = 1,
    buckets: str = "aspect",
) -> Replacement:
    """Stop and restart every service of a fleet in turn, under load.

    Args:
        with_signal: SIGKILL, or SIGTERM for a rolling restart.
        retries: whether the clients retry.
        num_services: size of the fleet.
        rate_hz: photos per second.
        deadline_s: deadline of each photo, for all its tries together.
        calm_s: pause before, between and after the replacements.
        num_rounds: number of replacements of each service.
        buckets: input shapes that each service warms up, `RELIGHT_BUCKETS`.
    """
    result = Replacement()
    with fleet(num_services, num_services, drain_s=DRAIN_S, buckets=buckets) as members:
        answers = right_answers(members.balancer.url)
        clients = Clients(members.balancer.url, deadline_s, retries=retries, answers=answers)

        async def run() -> None:
            enough = asyncio.Event()
            sending = asyncio.create_task(
                clients.send(arrivals(rate_hz, LONGEST_S, seed=0), enough)
            )
            await asyncio.sleep(calm_s)
            for number in [*range(num_services)] * num_rounds:
                await asyncio.to_thread(_replace_one, members, number, with_signal, result)
                await asyncio.sleep(calm_s)
            enough.set()
            result.errands = await sending

        asyncio.run(run())
        result.num_connection_retries = members.balancer.num_connection_retries()
    return result


def _replace_one(
    members: Fleet, number: int, with_signal: signal.Signals, result: Replacement
) -> None:
    out_s, status = members.end(number, with_signal)
    result.out_s.append(out_s)
    result.exit_statuses.append(status)
    start_s = time.monotonic()
    members.start(number)
    result.back_s.append(time.monotonic() - start_s)


def kill(_: float, __: Path | None) -> Table:
    """Each of three services is killed twice, at half their capacity; clients retry."""
    result = replace(signal.SIGKILL, retries=True, num_rounds=2)
    broken = [errand for errand in result.errands if errand.tries[0].status in BROKEN]
    longest_s = max((errand.end.latency_s for errand in broken), default=0.0)
    return [
        *_common(result, -signal.SIGKILL),
        ("photos that were in a killed service", str(len(broken)), ""),
        ("of those, the longest until it was served", f"{longest_s:.2f} s", ""),
        ("photos lost by clients that try again", str(len(result.failed)), "0"),
    ]


def rolling(_: float, __: Path | None) -> Table:
    """Rolling restart of three services at half their capacity; clients never retry."""
    result = replace(signal.SIGTERM, retries=False)
    return [*_common(result, 0), ("failed requests", str(len(result.failed)), "0")]


def _common(result: Replacement, status: int) -> Table:
    ends = [errand.end for errand in result.errands]
    num_as_told = result.exit_statuses.count(status)
    p50_s, p99_s = (quantile([end.latency_s for end in ends], share) for share in (0.5, 0.99))
    return [
        ("figure", "measured", "promised"),
        (f"ended with status {status}", f"{num_as_told} of {len(result.exit_statuses)}", "all"),
        ("until the balancer sent it nothing more, longest", f"{max(result.out_s):.2f} s", ""),
        ("from its end to its first request, longest", f"{max(result.back_s):.1f} s", ""),
        ("found no connection, sent elsewhere", str(result.num_connection_retries), ""),
        ("photos", statuses(ends), ""),
        ("p50, p99", f"{p50_s:.2f} s, {p99_s:.2f} s", ""),
    ]
