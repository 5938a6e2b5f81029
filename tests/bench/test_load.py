from __future__ import annotations

import asyncio
from collections import Counter

import anyio
import pytest

from bench.drawing import load_curve
from bench.open_loop import RequestOutcome, in_open_loop, quantile, summarise, table


async def test_a_slow_answer_does_not_hold_back_the_next_request():
    all_sent = asyncio.Event()

    async def ask(number: int, planned_s: float) -> int:
        if number == 3:
            all_sent.set()
        await all_sent.wait()  # no answer before the last request
        return number

    with anyio.fail_after(10):
        answers = await in_open_loop(ask, [0.0, 0.01, 0.02, 0.03])
    assert answers == [0, 1, 2, 3]


async def test_a_load_ends_when_it_is_enough():
    enough = asyncio.Event()

    async def ask(number: int, planned_s: float) -> int:
        if number == 2:
            enough.set()
        return number

    answers = await in_open_loop(ask, (0.001 * n for n in range(10_000)), enough)
    assert 3 <= len(answers) < 100


def test_goodput_leaves_out_late_answers_and_those_of_a_filling_queue():
    # 10 a second are answered from the first second on; half of them too late.
    outcomes = [RequestOutcome(n / 10, n / 10 + (1.0 if n % 2 else 3.0), 200) for n in range(100)]
    outcomes += [RequestOutcome(5.0, 5.1, 503)] * 20
    summary = summarise(outcomes, duration_s=10.0, deadline_s=2.0)
    assert summary.offered_hz == 12.0
    assert summary.goodput_hz == pytest.approx(5.0, abs=0.2)
    assert summary.num_late == 50
    assert summary.failures == Counter({503: 20})
    assert "20 x 503" in table([summary])


def test_a_quantile_is_one_of_the_values():
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert quantile([1.0], 0.5) == 1.0


def test_the_same_figures_give_the_same_small_plot(tmp_path):
    loads = [
        summarise([RequestOutcome(n / r, n / r + 0.1 * r, 200) for n in range(10 * r)], 10.0, 2.0)
        for r in (1, 2, 4)
    ]
    for name in ("a.svg", "b.svg"):
        load_curve(loads, 2.0, tmp_path / name)
    drawn = (tmp_path / "a.svg").read_bytes()
    assert drawn == (tmp_path / "b.svg").read_bytes()
    assert 1000 < len(drawn) < 100_000
