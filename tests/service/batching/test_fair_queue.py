from __future__ import annotations

import contextlib
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from relight.errors import Overloaded
from service.batching.urgency import AGEING_S, Priority
from tests.service.batching.schedules import Job, admitted, durations, schedule


def test_callers_take_turns_however_many_one_of_them_sends():
    plan = schedule(durations(a={1: 0.1}), max_size=1)
    admitted(plan, [Job(caller="flood", arrived_s=n / 100) for n in range(50)])
    few = admitted(plan, [Job(caller="few", arrived_s=1.0) for _ in range(3)])
    order = [plan.take(1.0).batch[0] for _ in range(53)]
    assert max(order.index(job) for job in few) < 12


def test_a_callers_own_jobs_keep_their_order_among_those_of_others():
    plan = schedule(durations(a={1: 0.1}), max_size=1)
    own = admitted(plan, [Job(caller="a", arrived_s=n / 10) for n in range(30)])
    admitted(plan, [Job(caller="b", arrived_s=3.0) for _ in range(30)])
    order = [plan.take(3.0).batch[0] for _ in range(60)]
    assert [job for job in order if job.caller == "a"] == own


def test_a_caller_that_floods_the_queue_does_not_block_the_others():
    """Deadlines of 1 s and a queue of 1 s: without turns no other caller would be admitted."""
    plan = schedule(durations(a={1: 0.1}), max_size=1)
    now_s, num_flood, num_few, served = 0.0, 0, 0, Counter()
    for step in range(300):  # three times what the device can do
        now_s = step / 30
        flood = Job(caller="flood", arrived_s=now_s, deadline_s=now_s + 1)
        with contextlib.suppress(Overloaded):
            plan.admit(flood, now_s)
            num_flood += 1
        if step % 15 == 0:
            few = Job(caller="few", arrived_s=now_s, deadline_s=now_s + 1)
            plan.admit(few, now_s)  # never refused
            num_few += 1
        if step % 3 == 0:
            served.update(job.caller for job in plan.take(now_s).batch)
    assert num_few == 20
    assert served["few"] >= 19
    assert served["few"] + served["flood"] >= 98  # and the device was never idle
    assert num_flood < 120


def test_no_turn_puts_bulk_work_ahead_of_interactive_work_before_it_has_aged():
    plan = schedule(durations(a={1: 0.1}), max_size=1)
    admitted(plan, [Job(caller="flood") for _ in range(10)])
    (bulk,) = admitted(plan, [Job(caller="few", priority=Priority.BULK)])
    assert all(plan.take(1.0).batch[0].caller == "flood" for _ in range(5))
    assert plan.take(AGEING_S + 0.1).batch[0] is bulk


@settings(max_examples=20)
@given(weights=st.lists(st.integers(1, 4), min_size=2, max_size=4))
def test_callers_who_always_wait_get_equal_shares_however_many_they_send(weights):
    plan = schedule(durations(a={1: 0.1, 4: 0.2}), max_size=4)
    served, waiting = Counter(), Counter()
    for step in range(30):
        now_s = step * 0.2
        for caller, weight in enumerate(weights):
            for _ in range(4 * weight - waiting[caller]):
                plan.admit(Job(caller=caller, arrived_s=now_s), now_s)
            waiting[caller] = 4 * weight
        batch = plan.take(now_s).batch
        served.update(job.caller for job in batch)
        waiting.subtract(job.caller for job in batch)
    assert max(served.values()) - min(served.values()) <= 1
