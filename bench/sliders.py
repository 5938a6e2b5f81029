"""Requests one photo many times at once, as a slider does, and counts the inferences."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

import httpx

from bench.harness import photo, running
from bench.subject import Subject

Rows = list[tuple[str, str, str]]  # figure, measured, promised

_CACHE_BYTES = 100_000_000


def repeat(subject: Subject, _: float) -> Rows:
    """One photo with twenty temperatures, all at once."""
    return _ask(subject, [{"temperature": kelvin} for kelvin in range(2500, 6500, 200)], ("1", ""))


def turn(subject: Subject, _: float) -> Rows:
    """One photo with twenty azimuths, all at once; a model of two graphs."""
    return _ask(subject, [{"azimuth": 18 * n} for n in range(20)], ("1", "20"), is_pair=True)


def _ask(
    subject: Subject,
    questions: Sequence[Mapping[str, int]],
    promised: tuple[str, str],
    *,
    is_pair: bool = False,
) -> Rows:
    """Count the images that each graph ran: the first one, and the light graph of a pair."""

    async def call(url: str) -> Counter[str]:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            answers = await asyncio.gather(
                *(client.post("/relight", content=photo(), params=q) for q in questions)
            )
        return Counter(answer.headers.get("x-cache", answer.text) for answer in answers)

    knobs = dict(subject.knobs) | {"cache_bytes": _CACHE_BYTES}
    with running(subject.fake, subject.model, is_pair=is_pair, settings=knobs) as service:
        origins = asyncio.run(call(service.url))
        num_images = service.metric("relight_batch_size_sum")
        num_lights = service.metric("relight_batch_size_sum", part="light")
    rows = [
        ("answers", str(dict(origins)), str(len(questions))),
        ("inferences of the photo", f"{num_images - num_lights:.0f}", promised[0]),
    ]
    return rows + ([("inferences of light", f"{num_lights:.0f}", promised[1])] if is_pair else [])
