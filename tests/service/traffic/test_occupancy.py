from __future__ import annotations

import pytest

from relight.errors import RateLimited, ServerFull
from service.traffic.keys import ApiKey, Keyring
from service.traffic.memory_budget import ByteBudget
from service.traffic.occupancy import Occupancy


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def learned(clock: Clock, took_s: float) -> Occupancy:
    occupancy = Occupancy(clock)
    first = occupancy.begin(1)
    clock.now_s += took_s
    occupancy.end(first)
    return occupancy


def test_memory_is_expected_when_the_oldest_holders_have_stayed_as_long_as_others_did():
    clock = Clock()
    occupancy = learned(clock, 10.0)
    for _ in range(4):
        occupancy.begin(100)
        clock.now_s += 1.0
    assert occupancy.until_free_s(100) == pytest.approx(10 - 4)  # the oldest came 4 s ago
    assert occupancy.until_free_s(250) == pytest.approx(10 - 2)


def test_holders_that_stay_longer_than_usual_are_expected_to_end_soon():
    clock = Clock()
    occupancy = learned(clock, 10.0)
    occupancy.begin(1)
    clock.now_s += 60
    assert occupancy.until_free_s(1) == pytest.approx(1.0)


def test_before_anything_has_left_a_stay_counts_as_half_over():
    clock = Clock()
    occupancy = Occupancy(clock)
    occupancy.begin(1)
    clock.now_s += 3
    assert occupancy.until_free_s(1) == pytest.approx(3.0)


def test_stays_without_memory_teach_nothing():
    clock = Clock()
    occupancy = learned(clock, 10.0)
    for _ in range(50):
        occupancy.end(occupancy.begin())
    occupancy.begin(1)
    assert occupancy.until_free_s(1) == pytest.approx(10.0)


def test_a_body_without_memory_is_refused_with_the_expected_wait():
    clock = Clock()
    budget = ByteBudget(1000, clock)
    with budget.open() as earlier:
        earlier.grow_to(10)
        clock.now_s += 8.0
    with budget.open() as first:
        first.grow_to(900)
        clock.now_s += 3.0
        with budget.open() as second, pytest.raises(ServerFull) as refusal:
            second.grow_to(200)
    assert refusal.value.retry_after_s == pytest.approx(5.0)


def test_a_caller_at_its_limit_is_refused_with_the_time_when_a_request_ends():
    clock = Clock()
    keyring = Keyring([f"editor:{'0' * 64}"], [], max_concurrency=1, clock=clock)
    editor = ApiKey("editor", "0" * 64)
    with keyring.slot(editor):
        clock.now_s += 4.0
    with keyring.slot(editor):
        clock.now_s += 1.0
        with pytest.raises(RateLimited) as refusal, keyring.slot(editor):
            pass
    assert refusal.value.retry_after_s == pytest.approx(3.0)
