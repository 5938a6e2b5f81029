"""What the fleet's bench shows, at its smallest: real services behind a real balancer."""

from __future__ import annotations

import asyncio
import shutil
import signal

import pytest

from bench.fleet.balancer import PROGRAM_PATH
from bench.fleet.clients import NUM_PHOTOS, WRONG, Clients
from bench.fleet.members import CAPACITY_HZ
from bench.fleet.ramp import CALM_S, HIGH, LOW, NUM_FIRST, OUTSTANDING, Ramp
from bench.fleet.replacing import replace
from bench.harness import free_port, running

pytestmark = pytest.mark.serial

balanced = pytest.mark.skipif(
    shutil.which("haproxy", path=PROGRAM_PATH) is None, reason="HAProxy is not installed"
)
# Square photos alone: a service that warms up nine shapes starts in nine times as long.
SMALL = {
    "num_services": 2,
    "rate_hz": 4.0,
    "deadline_s": 45.0,
    "calm_s": 1.0,
    "buckets": "square",
}


@balanced
@pytest.mark.timeout(300)
def test_a_rolling_restart_fails_no_request_of_clients_that_never_try_again():
    result = replace(signal.SIGTERM, retries=False, **SMALL)
    assert result.exit_statuses == [0, 0]
    assert len(result.errands) > 8
    assert {errand.end.status for errand in result.errands} == {200}


@balanced
@pytest.mark.timeout(300)
def test_a_killed_service_loses_no_photo_of_clients_that_try_again():
    result = replace(signal.SIGKILL, retries=True, **SMALL)
    assert result.exit_statuses == [-signal.SIGKILL] * 2
    assert len(result.errands) > 8
    assert {errand.end.status for errand in result.errands} == {200}


async def test_a_picture_of_another_caller_is_not_accepted_as_the_right_one():
    with running("1+1n", settings={"cache_bytes": 0}) as service:
        clients = Clients(service.url, 30.0, answers=[b"somebody else's"] * NUM_PHOTOS)
        (errand,) = await clients.send([0.0])
    assert errand.end.status == WRONG


async def test_clients_try_again_until_the_deadline_and_no_longer(monkeypatch):
    url = f"http://127.0.0.1:{free_port()}"
    sleep, pauses_s, loop = asyncio.sleep, [], asyncio.get_running_loop()

    async def note(pause_s: float) -> None:
        if asyncio.get_running_loop() is loop:  # services of other tests have loops of their own
            pauses_s.append(pause_s)
        await sleep(pause_s)

    monkeypatch.setattr(asyncio, "sleep", note)
    (stubborn,) = await Clients(url, 1.0, retries=True).send([0.0])
    assert len(stubborn.tries) > 1
    assert sum(pauses_s) < 1.0
    assert stubborn.end.status == 0
    (meek,) = await Clients(url, 1.0).send([0.0])
    assert len(meek.tries) == 1


def test_a_ramp_stays_calm_and_then_rises_to_its_highest():
    ramp = Ramp(rise_s=100.0)
    assert ramp.rate_hz(CALM_S) == pytest.approx(LOW * NUM_FIRST * CAPACITY_HZ)
    assert ramp.rate_hz(CALM_S + 100) == pytest.approx(HIGH * NUM_FIRST * CAPACITY_HZ)
    times_s = list(ramp.times_s())
    assert times_s == sorted(times_s)
    calm = sum(time_s < CALM_S for time_s in times_s) / CALM_S
    last = sum(time_s > CALM_S + 80 for time_s in times_s) / 20
    assert calm == pytest.approx(ramp.rate_hz(0), rel=0.3)
    assert last == pytest.approx(ramp.rate_hz(CALM_S + 90), rel=0.3)


def test_a_signal_passes_its_threshold_when_it_is_first_above():
    ramp = Ramp(10.0, signals={OUTSTANDING: [(1.0, 3.0), (2.0, 8.0), (3.0, 8.5), (4.0, 2.0)]})
    assert ramp.passed_s(OUTSTANDING, 8.0) == 3.0
    assert ramp.passed_s(OUTSTANDING, 9.0) is None
