"""Open-loop clients of the fleet, with optional retries."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import httpx

from bench import open_loop
from bench.harness import photo
from bench.open_loop import RequestOutcome

BROKEN: Final = frozenset(
    {0, 502}
)  # of the client's connection, or of the balancer's to the service
WRONG: Final = -1  # 200, but with the wrong picture
NUM_PHOTOS: Final = 16


@dataclass(frozen=True, slots=True)
class Errand:
    """The outcomes of all tries for one photo; the last one counts."""

    tries: tuple[RequestOutcome, ...]

    @property
    def end(self) -> RequestOutcome:
        """The final outcome, with the latency from the planned time of the first try."""
        return self.tries[-1]


@cache
def photo_of(number: int) -> bytes:
    """Return one of the small photos that the clients send."""
    return photo(seed=number)


class Clients:
    """Send photos to a service or a balancer.

    Args:
        url: their address.
        deadline_s: deadline of each photo, for all its tries together.
        retries: whether to retry after a broken connection or a refusal. That is safe, as
            relighting is idempotent.
        answers: the expected answer for each of NUM_PHOTOS; None: any answer is right.
    """

    def __init__(
        self,
        url: str,
        deadline_s: float,
        *,
        retries: bool = False,
        answers: Sequence[bytes] | None = None,
    ) -> None:
        self._url = f"{url}/relight"
        self._deadline_s = deadline_s
        self._retries = retries
        self._answers = answers

    async def send(
        self, times_s: Iterable[float], stop: asyncio.Event | None = None
    ) -> list[Errand]:
        """Send a photo at each of the times until stopped; return the outcomes."""
        async with open_loop.new_client(self._deadline_s) as client:

            async def go(number: int, planned_s: float) -> Errand:
                return await self._go(client, number, planned_s)

            return await open_loop.in_open_loop(go, times_s, stop)

    async def _go(self, client: httpx.AsyncClient, number: int, planned_s: float) -> Errand:
        tries: list[RequestOutcome] = []
        while True:
            outcome = await open_loop.ask(
                client, self._url, photo_of(number % NUM_PHOTOS), self._deadline_s, planned_s
            )
            if (
                outcome.status == 200
                and self._answers
                and outcome.body != self._answers[number % NUM_PHOTOS]
            ):
                outcome = RequestOutcome(planned_s, outcome.ended_s, WRONG)
            tries.append(outcome)
            if not self._retries or outcome.status not in BROKEN | {429, 503}:
                return Errand(tuple(tries))
            # With jitter, and no sooner than the service asked.
            pause_s = outcome.retry_after_s or 0.05 * 2 ** len(tries)
            pause_s *= random.uniform(1.0, 1.5)
            if time.monotonic() + pause_s > planned_s + self._deadline_s - open_loop.MARGIN_S:
                return Errand(tuple(tries))
            await asyncio.sleep(pause_s)


def right_answers(url: str) -> list[bytes]:
    """Return the answer of a service to each of the photos, sent one at a time."""
    with httpx.Client(timeout=30) as client:
        answers = [client.post(f"{url}/relight", content=photo_of(n)) for n in range(NUM_PHOTOS)]
    for answer in answers:
        answer.raise_for_status()
    return [answer.content for answer in answers]


def statuses(outcomes: Iterable[RequestOutcome]) -> str:
    """Count the outcomes by status."""
    names = {0: "no answer", WRONG: "wrong picture"}
    counted = Counter(outcome.status for outcome in outcomes)
    return ", ".join(f"{n} x {names.get(s, s)}" for s, n in sorted(counted.items())) or "none"
