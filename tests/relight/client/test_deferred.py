"""Jobs of services that behave unlike this one, and of one where jobs are off."""

from __future__ import annotations

import time

import anyio
import pytest
from fastapi import FastAPI

from relight.errors import Draining, RelightError
from service.app import create_app
from service.settings import Settings
from tests.service.stand_ins import serving

FAILED = {
    "id": "a1",
    "operation": "/relight",
    "state": "failed",
    "created_at": "2026-01-01T00:00:00Z",
    "ended_at": "2026-01-01T00:00:01Z",
    "expires_at": "2026-01-01T01:00:00Z",
    "problem": {"code": Draining.code, "detail": "send it again", "request_id": "r1"},
}
WAITING = FAILED | {"state": "waiting", "ended_at": None, "expires_at": None, "problem": None}


@pytest.mark.parametrize(("method", "is_batch"), [("submit", False), ("submit_batch", True)])
def test_submitting_a_job_while_jobs_are_off_is_reported(call, models_dir, png, method, is_batch):
    app = create_app(Settings(models_dir=models_dir, max_job_bytes=0))
    with serving(app) as url, pytest.raises(RelightError, match="took no job"):
        call(url, method, [png] if is_batch else png)


@pytest.mark.parametrize("method", ["result", "batch_result"])
def test_a_failed_job_is_asked_once_and_with_a_pause_before_each_try(call, method, monkeypatch):
    app, pauses_s = FastAPI(), []
    answers = iter([WAITING, WAITING, FAILED])

    @app.get("/jobs/a1")
    def job() -> dict:  # at once: a proxy dropped `Prefer`
        return next(answers)

    async def sleep(pause_s: float) -> None:
        pauses_s.append(pause_s)

    with serving(app) as url, monkeypatch.context() as patch:
        patch.setattr(time, "sleep", pauses_s.append)
        patch.setattr(anyio, "sleep", sleep)
        with pytest.raises(Draining, match="send it again"):
            call(url, method, "a1")
    assert len(pauses_s) == 2
    assert min(pauses_s) > 0
