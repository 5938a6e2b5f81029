"""Work that follows from a batch is counted from the start: reading a scene, then lighting it."""

from __future__ import annotations

import pytest

from relight.errors import DeadlineExceeded, Overloaded
from service.batching.durations import Durations
from tests.service.batching.schedules import Job, admitted, schedule


def read_then_light(read_s: float, light_s: float) -> Durations:
    table = Durations({"read": "light"}.get)
    table.observe("read", 1, read_s)
    table.observe("light", 1, light_s)
    return table


def test_the_estimate_of_a_scene_covers_both_graphs():
    table = read_then_light(1.0, 0.25)
    assert table.estimate_s("read", 1) == 1.25
    assert table.batch_s("read", 1) == 1.0
    assert table.estimate_s("light", 1) == 0.25
    assert table.follows("light")
    assert not table.follows("read")


def test_a_deadline_that_leaves_time_for_reading_alone_is_refused():
    plan = schedule(read_then_light(1.0, 0.25), max_size=1)
    with pytest.raises(DeadlineExceeded):
        plan.admit(Job("read", deadline_s=1.2), now_s=0.0)
    plan.admit(Job("light", deadline_s=0.3), now_s=0.0)
    plan.admit(Job("read", deadline_s=1.6), now_s=0.0)


def test_the_wait_behind_others_holds_the_lighting_that_they_still_need():
    plan = schedule(read_then_light(1.0, 0.25), max_size=1, max_wait_s=2.4)
    admitted(plan, [Job("read"), Job("read")])
    assert plan.wait_s() == 2.5
    with pytest.raises(Overloaded):
        plan.admit(Job("read"), now_s=0.0)


def test_following_work_goes_before_photos_that_came_later():
    plan = schedule(read_then_light(1.0, 0.25), max_size=1)
    admitted(plan, [Job("read", arrived_s=0.5)])
    lighting = Job("light", arrived_s=0.0)
    plan.admit(lighting, now_s=1.0)
    assert plan.take(1.0).batch == [lighting]


def test_a_coming_job_is_assumed_to_begin_with_the_scene():
    table = read_then_light(1.0, 0.25)
    assert table.last_key == "read"
    plan = schedule(table, max_size=1)
    admitted(plan, [Job("light"), Job("light")])
    assert plan.wait_s(num_coming=1) == pytest.approx(2 * 0.25 + 1.25)


def test_doubt_about_the_scene_part_covers_the_lighting_that_follows():
    table = read_then_light(1.0, 0.1)
    for _ in range(50):
        table.observe("light", 1, 5.0)
    slow_s = table.batch_s("light", 1)
    table.doubt("read", 1)
    assert table.batch_s("light", 1) < slow_s


def test_work_that_follows_is_not_refused_for_a_wait_that_was_foreseen():
    plan = schedule(read_then_light(1.0, 0.25), max_size=1, max_wait_s=2.0)
    admitted(plan, [Job("read", deadline_s=4.0), Job("read", deadline_s=4.0)])
    lighting = Job("light", arrived_s=-1.0, deadline_s=3.9)
    plan.admit(lighting, now_s=0.0, busy_s=2.5)  # as long as its scene is not read in vain
    assert plan.take(2.5).batch == [lighting]


def test_light_for_a_scene_that_is_kept_waits_for_admission_as_any_other_work():
    plan = schedule(read_then_light(1.0, 0.25), max_size=1, max_wait_s=2.0)
    with pytest.raises(Overloaded):
        plan.admit(Job("light", arrived_s=0.0), now_s=0.0, busy_s=2.5)


def test_work_that_follows_and_cannot_be_in_time_is_refused():
    plan = schedule(read_then_light(1.0, 0.25), max_size=1)
    with pytest.raises(DeadlineExceeded):
        plan.admit(Job("light", arrived_s=-1.0, deadline_s=0.2), now_s=0.0)
