"""Relights the photos of an inference request, and writes its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relight.errors import InvalidOption
from service.api.context import AppContext
from service.api.tensors import (
    Inference,
    InferenceAnswer,
    write_answer,
    write_files,
    write_pixels,
    writing_bytes,
)
from service.imaging import raw
from service.relighting.request import RelightRequest, RelightResult
from service.telemetry.stage_timings import Timings
from service.traffic.cpu_pool import Step

_COPIES: Final = 2  # of pixels, while they become a file or a file becomes pixels
_NUM_AT_ONCE: Final = 4  # enough to fill the stages, few enough to leave capacity for others


@dataclass(frozen=True, slots=True, eq=False)
class PhotoAnswer:
    """A relit photo, and its pixels if it came as pixels."""

    relit: RelightResult
    pixels: NDArray[np.uint8] | None

    @property
    def num_bytes(self) -> int:
        """Bytes of memory that it holds."""
        num_bytes = len(self.relit.data or b"")
        return num_bytes if self.pixels is None else num_bytes + self.pixels.nbytes


async def relight_photos(
    app: AppContext, inference: Inference, order: RelightRequest, num_held: int
) -> Sequence[PhotoAnswer]:
    """Relight the photos, a few at once; the request's account holds the answers.

    Args:
        app: the app.
        inference: the photos.
        order: how to relight each.
        num_held: the bytes of memory that the request holds before.
    """
    slots = asyncio.Semaphore(_NUM_AT_ONCE)
    num_answer_bytes = 0

    async def relight_one(number: int) -> PhotoAnswer:
        nonlocal num_answer_bytes
        async with slots:
            with app.budget.open() as own:
                data = await app.pool.run(
                    Step.CONVERT,
                    partial(_file, inference, number),
                    caller=order.caller,
                    num_bytes=_file_bytes(inference, number),
                )
                timings = order.timings if number == 0 else Timings()
                photo = replace(order, data=data, holding=own, timings=timings)
                relit = await app.relighter.relight(photo)
                assert relit.data is not None  # the caller has no entity tags
                pixels = None
                if inference.pixels is not None:
                    pixels = await app.pool.run(
                        Step.CONVERT,
                        partial(raw.from_file, relit.data),
                        caller=order.caller,
                        num_bytes=_COPIES * len(relit.data),
                    )
            answer = PhotoAnswer(relit, pixels)
            num_answer_bytes += answer.num_bytes + writing_bytes(answer.num_bytes, inference)
            if num_held + num_answer_bytes > order.holding.max_bytes:
                raise InvalidOption(
                    "the answer takes too much memory: ask for binary data", option="binary_data"
                )
            order.holding.grow_to(num_held + num_answer_bytes)
            return answer

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(relight_one(n)) for n in range(inference.num_photos)]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


def _file(inference: Inference, number: int) -> bytes:
    if inference.pixels is None:
        return bytes(inference.files[number])
    return raw.to_file(inference.pixels[number])


def _file_bytes(inference: Inference, number: int) -> int:
    """Return a bound on the memory that `_file` takes."""
    if inference.pixels is None:
        return inference.files[number].nbytes
    return _COPIES * inference.pixels.nbytes // inference.num_photos


def write_photos(
    name: str, inference: Inference, answers: Sequence[PhotoAnswer]
) -> tuple[bytes, dict[str, str]]:
    """Return the body of the answer of a model, and its headers."""
    if inference.pixels is None:
        output, parts = write_files([a.relit.data or b"" for a in answers], inference)
    else:
        output, parts = write_pixels([a.pixels for a in answers if a.pixels is not None], inference)
    relit = answers[0].relit
    described = {
        "model": relit.model,
        "light": str(relit.light),
        "digital_source_type": relit.digital_source_type,
    }
    answer = InferenceAnswer(
        model_name=name,
        id=inference.id,
        parameters={key: value for key, value in described.items() if value is not None},
        outputs=[output],
    )
    return write_answer(answer, parts)
