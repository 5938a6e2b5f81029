from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relight.errors import DeadlineExceeded, Overloaded
from service.batching.sizes import BatchSizes
from service.batching.urgency import AGEING_S, PATIENCE_S, Priority, due_s
from tests.service.batching.schedules import Job, admitted, arrivals, durations, schedule


def test_a_batch_has_the_largest_allowed_size_that_the_queue_fills():
    plan = schedule()
    admitted(plan, [Job() for _ in range(7)])
    assert [len(plan.take(0).batch) for _ in range(4)] == [4, 2, 1, 0]


def test_the_earliest_deadline_goes_first_and_equals_in_order_of_arrival():
    plan = schedule(max_size=1)
    late, first, second = admitted(plan, [Job(deadline_s=4), Job(deadline_s=3), Job(deadline_s=3)])
    assert [plan.take(0).batch[0] for _ in range(3)] == [first, second, late]


def test_a_batch_never_mixes_keys():
    plan = schedule()
    admitted(plan, [Job("a"), Job("b"), Job("a"), Job("b"), Job("b")])
    while batch := plan.take(0).batch:
        assert len({job.key for job in batch}) == 1


def test_of_equal_deadlines_the_fuller_key_goes_first():
    plan = schedule()
    admitted(plan, [Job("a", caller="x"), Job("b", caller="y"), Job("b", caller="z")])
    assert [job.key for job in plan.take(0).batch] == ["b", "b"]


def test_abandoned_items_never_reach_the_device():
    plan = schedule()
    jobs = admitted(plan, [Job() for _ in range(4)])
    jobs[0].abandoned = jobs[2].abandoned = True
    assert list(plan.take(0).batch) == [jobs[1], jobs[3]]
    assert len(plan) == 0


def test_a_job_that_cannot_be_ready_in_time_is_late_and_costs_nothing():
    plan = schedule(durations(a={1: 1.0}), max_size=1)
    hopeless, fine = admitted(plan, [Job(deadline_s=2.0), Job(deadline_s=9.0)])
    turn = plan.take(1.5)
    assert list(turn.late) == [hopeless]
    assert list(turn.batch) == [fine]


def test_admission_refuses_a_wait_above_the_limit_and_gives_a_retry_time():
    plan = schedule(durations(a={1: 1.0}), max_size=1, max_wait_s=2.5)
    admitted(plan, [Job(), Job(), Job()][:2])
    plan.admit(Job(), now_s=0.0, busy_s=0.5)
    with pytest.raises(Overloaded) as refusal:
        plan.admit(Job(), now_s=0.0, busy_s=0.5)
    assert refusal.value.retry_after_s == pytest.approx(3.5)  # 0.5 + 3 x 1.0: all is done then


def test_admission_refuses_a_request_that_the_queue_would_make_late():
    plan = schedule(durations(a={1: 1.0}), max_size=1)
    admitted(plan, [Job(deadline_s=5.0), Job(deadline_s=5.0)])
    plan.admit(Job(deadline_s=1.5), now_s=0.0)  # goes first
    with pytest.raises(Overloaded):
        plan.admit(Job(deadline_s=3.5), now_s=0.0, busy_s=2.0)


def test_a_deadline_that_an_idle_device_would_miss_is_no_overload():
    plan = schedule(durations(a={1: 1.0}))
    with pytest.raises(DeadlineExceeded):
        plan.admit(Job(deadline_s=0.5), now_s=0.0)


def test_durations_follow_the_measurements():
    table = durations(a={1: 1.0})
    for _ in range(50):
        table.observe("a", 1, 2.0)
    assert table.estimate_s("a", 1) == pytest.approx(2.0, rel=0.01)


def test_an_unseen_size_is_taken_in_proportion():
    table = durations(a={2: 1.0})
    assert table.estimate_s("a", 4) == 2.0
    assert table.estimate_s("a", 1) == 1.0
    assert table.estimate_s("b", 1) == 0.0


@given(jobs=arrivals, max_size=st.sampled_from([1, 2, 4, 8]), max_wait_s=st.floats(0.1, 20))
def test_every_job_ends_exactly_once_and_no_promise_is_broken(jobs, max_wait_s, max_size):
    """Play a whole day under a virtual clock: arrivals, and a device that is exactly on time."""
    table = durations(a={n: 0.5 + 0.25 * n for n in (1, 2, 4, 8)}, b={1: 0.1}, c={1: 1.0, 8: 1.0})
    plan = schedule(table, max_size=max_size, max_wait_s=max_wait_s)
    coming, now_s, free_at_s = list(jobs), 0.0, 0.0
    served: list[Job] = []
    refused: list[Job] = []
    late: list[Job] = []
    while coming or len(plan):
        if coming and (coming[0].arrived_s <= free_at_s or not len(plan)):
            job = coming.pop(0)
            now_s = max(now_s, job.arrived_s)
            try:
                plan.admit(job, now_s, busy_s=max(0.0, free_at_s - now_s))
            except (Overloaded, DeadlineExceeded):
                refused.append(job)
            continue
        now_s = max(now_s, free_at_s)
        turn = plan.take(now_s)
        late.extend(turn.late)
        served.extend(turn.batch)
        if turn.batch:
            free_at_s = now_s + table.estimate_s(turn.batch[0].key, len(turn.batch))
            assert all(job.deadline_s >= free_at_s for job in turn.batch)
            assert not any(job.abandoned for job in turn.batch)
            assert len(turn.batch) <= max_size
    ended = [*served, *refused, *late]
    assert len({id(job) for job in ended}) == len(ended)
    lost = {id(job) for job in jobs} - {id(job) for job in ended}
    assert all(job.abandoned for job in jobs if id(job) in lost)


def test_bulk_makes_way_for_interactive_work_that_came_later():
    plan = schedule(max_size=1)
    bulk, interactive = admitted(
        plan, [Job(priority=Priority.BULK), Job(arrived_s=AGEING_S - 1, deadline_s=60)]
    )
    assert [plan.take(5).batch[0] for _ in range(2)] == [interactive, bulk]


def test_bulk_that_has_aged_goes_first():
    plan = schedule(max_size=1)
    bulk, interactive = admitted(
        plan, [Job(priority=Priority.BULK), Job(arrived_s=AGEING_S + 1, deadline_s=60)]
    )
    assert [plan.take(7).batch[0] for _ in range(2)] == [bulk, interactive]


def test_interactive_work_is_not_refused_for_bulk_work_behind_it():
    plan = schedule(durations(a={1: 1.0}), max_size=1, max_wait_s=3.0)
    admitted(plan, [Job(priority=Priority.BULK) for _ in range(3)])
    with pytest.raises(Overloaded):
        plan.admit(Job(priority=Priority.BULK), now_s=0.0, busy_s=0.5)
    plan.admit(Job(), now_s=0.0, busy_s=0.5)


def test_those_on_their_way_to_the_queue_count():
    plan = schedule(durations(a={1: 1.0}), max_size=1, max_wait_s=2.0)
    plan.check(0.0, key="a", num_coming=2)
    with pytest.raises(Overloaded):
        plan.check(0.0, key="a", num_coming=3)


def test_a_waiting_job_is_promised_no_more_than_a_full_batch_allows():
    plan = schedule(durations(a={1: 0.1, 4: 0.4}))
    plan.admit(Job(deadline_s=0.2), now_s=0.0)  # alone, at once
    with pytest.raises(Overloaded):
        plan.admit(Job(deadline_s=0.45), now_s=0.0, busy_s=0.1)  # 0.1 + 0.1, and then up to 0.4


@given(
    seed=st.lists(st.tuples(st.floats(0, 0.3), st.floats(0.5, 60)), min_size=5, max_size=80),
    priority=st.sampled_from(Priority),
)
def test_no_job_starves_however_many_others_arrive(seed, priority):
    """One job against a stream that the device can just not keep up with."""
    table = durations(a={1: 0.3})
    plan = schedule(table, max_size=1)
    patient = Job(arrived_s=0.0, priority=priority)
    plan.admit(patient, now_s=0.0)
    now_s, num_ahead = 0.0, 0
    for number in range(200):
        gap_s, timeout_s = seed[number % len(seed)]
        rival = Job(arrived_s=max(0.0, now_s - gap_s), deadline_s=now_s + timeout_s)
        with contextlib.suppress(Overloaded, DeadlineExceeded):
            plan.admit(rival, now_s)
        turn = plan.take(now_s)
        if patient in turn.batch:
            return
        num_ahead += len(turn.batch)
        now_s += 0.3
        # Whoever came after it was due went behind it: only those before may be served first.
        assert num_ahead * 0.3 <= due_s(0.0, math.inf, priority) + 80 * 0.3
    raise AssertionError("it starved")


@given(jobs=arrivals)
def test_the_order_is_class_with_ageing_then_deadline(jobs):
    """With one size and one key, jobs leave exactly in the order of their due times."""
    plan = schedule(max_size=1)
    alike = [Job(arrived_s=0.0, deadline_s=math.inf, priority=j.priority) for j in jobs]
    for job, drawn in zip(alike, jobs, strict=True):
        job.arrived_s = drawn.arrived_s
        plan.admit(job, now_s=0.0)
    left = [plan.take(0.0).batch[0] for _ in alike]
    dues = [due_s(job.arrived_s, job.deadline_s, job.priority) for job in left]
    assert dues == sorted(dues)
    assert max(dues, default=0.0) <= 10 + PATIENCE_S + AGEING_S


def test_no_job_is_admitted_at_the_cost_of_a_waiting_one():
    plan = schedule(durations(a={1: 1.0}), max_size=1)
    admitted(plan, [Job(deadline_s=4.0), Job(deadline_s=4.0)])
    plan.admit(Job(deadline_s=3.5), now_s=0.0, busy_s=0.5)
    with pytest.raises(Overloaded, match="admitted earlier"):
        plan.admit(Job(deadline_s=3.0), now_s=0.0, busy_s=0.5)
    plan.admit(Job(deadline_s=4.9), now_s=0.0, busy_s=0.0)  # behind all: it delays no other


def test_interactive_work_may_make_bulk_work_late():
    plan = schedule(durations(a={1: 1.0}), max_size=1)
    admitted(plan, [Job(deadline_s=1.5, priority=Priority.BULK)])
    plan.admit(Job(deadline_s=9.0), now_s=0.0)


@given(
    arriving=st.lists(st.tuples(st.floats(0, 1.0), st.floats(0.3, 8)), min_size=1, max_size=80),
)
def test_an_admitted_job_is_served_in_time_by_a_device_that_keeps_time(arriving):
    table = durations(a={1: 0.3})
    plan = schedule(table, max_size=1)
    jobs, now_s = [], 0.0
    for gap_s, timeout_s in arriving:
        now_s += gap_s
        jobs.append(Job(arrived_s=now_s, deadline_s=now_s + timeout_s))
    free_at_s = 0.0
    while jobs or len(plan):
        if jobs and (jobs[0].arrived_s <= free_at_s or not len(plan)):
            job = jobs.pop(0)
            with contextlib.suppress(Overloaded, DeadlineExceeded):
                plan.admit(job, job.arrived_s, busy_s=max(0.0, free_at_s - job.arrived_s))
            free_at_s = max(free_at_s, job.arrived_s)
            continue
        turn = plan.take(free_at_s)
        assert all(job.deadline_s > free_at_s + 0.3 - 1e-6 for job in turn.late)  # by rounding
        free_at_s += 0.3


def test_a_size_that_found_no_memory_is_not_planned_again():
    sizes = BatchSizes([1, 2, 4, 6])
    sizes.forbid("a", 6)
    assert [sizes.largest("a", n) for n in (1, 3, 6, 9)] == [1, 2, 4, 4]
    assert sizes.largest("b", 9) == 6
    sizes.forbid("a", 2)
    sizes.forbid("a", 4)
    assert sizes.largest("a") == 1
    sizes.forbid("a", 1)
    assert sizes.largest("a") == 1  # or nothing could run


@given(jobs=arrivals, max_size=st.sampled_from([1, 2, 4, 8]), now_s=st.floats(0, 20))
def test_a_preview_shows_the_next_batch_and_changes_nothing(jobs, max_size, now_s):
    plan = schedule(durations(a={1: 0.5}, b={1: 0.1}), max_size=max_size)
    for job in jobs:
        with contextlib.suppress(Overloaded, DeadlineExceeded):
            plan.admit(job, job.arrived_s)
    num_waiting = len(plan)
    guess = plan.preview(now_s)
    assert len(plan) == num_waiting
    assert list(guess) == list(plan.take(now_s).batch)


def test_a_slow_period_that_is_over_does_not_block_callers():
    table = durations(a={1: 0.1})
    for _ in range(20):
        table.observe("a", 1, 5.0)  # as when the machine was busy with something else
    plan = schedule(table, max_size=1)
    for number in range(30):
        with contextlib.suppress(DeadlineExceeded):
            plan.admit(Job(arrived_s=number, deadline_s=number + 1), now_s=number)
            return
    raise AssertionError("an idle device refuses what it could do in a tenth of the time")
