"""Who may call, over real HTTP."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from relight.errors import Unauthorized
from service.__main__ import main
from service.app import create_app
from service.settings import Settings
from service.traffic.keys import Keyring, digest_of
from tests import http_client as http
from tests.service.calls import metric, problem_of, queued, wait_until
from tests.service.stand_ins import held, serving

NO_LIMITS = httpx.Limits(max_connections=None)
KEYS = {
    "api_keys": (
        f"editor:{digest_of('secret')}",
        f"other:{digest_of('another')}",
        f"nightly:{digest_of('batch')}:bulk",
    ),
    "admin_keys": (f"operator:{digest_of('root')}",),
}


@pytest.fixture(scope="module")
def guarded_url(models_dir):
    with serving(create_app(Settings(models_dir=models_dir, **KEYS))) as address:
        yield address


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer secret"},
        {"Authorization": "bearer another"},
        {"X-Api-Key": "secret"},
        {"X-Api-Key": "root"},
    ],
)
def test_every_key_that_was_given_opens(guarded_url, png, headers):
    answer = http.post(f"{guarded_url}/relight", content=png, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("headers", [{}, {"X-Api-Key": "wrong"}, {"Authorization": "Basic secret"}])
@pytest.mark.parametrize("path", ["/relight", "/relight/batch", "/maps", "/models", "/-/reload"])
def test_without_a_known_key_every_route_is_refused(guarded_url, png, path, headers):
    method = "GET" if path == "/models" else "POST"
    answer = http.request(method, f"{guarded_url}{path}", headers=headers)
    assert (answer.status_code, problem_of(answer)["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_probes_and_metrics_need_no_key(guarded_url):
    for path in ("livez", "readyz", "metrics"):
        assert http.get(f"{guarded_url}/{path}").status_code == 200


def test_only_an_admin_key_reloads(guarded_url):
    refused = http.post(f"{guarded_url}/-/reload", headers={"X-Api-Key": "secret"})
    assert (refused.status_code, problem_of(refused)["code"]) == (403, "forbidden")
    assert http.post(f"{guarded_url}/-/reload", headers={"X-Api-Key": "root"}).status_code == 200


def test_without_admin_keys_reloading_is_closed(url):
    assert http.post(f"{url}/-/reload", headers={"X-Api-Key": "x"}).status_code == 401


async def test_a_key_has_only_its_share_of_requests_at_once(fake_service, png):
    with fake_service(lambda n: 0.0, max_requests_per_key=2, **KEYS) as (url, engine):
        async with http.AsyncClient(base_url=url) as client:

            async def call(key: str) -> httpx.Response:
                return await client.post("/relight", content=png, headers={"X-Api-Key": key})

            with held(engine):
                busy = [asyncio.create_task(call("secret")) for _ in range(2)]
                waiting = 'relight_requests_outstanding{priority="interactive"}'
                await asyncio.to_thread(wait_until, lambda: metric(url, waiting) == 2)
                refused = await call("secret")
                catalogue = await client.get("/models", headers={"X-Api-Key": "secret"})
                pending = asyncio.create_task(call("another"))
                await asyncio.to_thread(wait_until, lambda: metric(url, waiting) == 3)
            other = await pending
            assert {answer.status_code for answer in await asyncio.gather(*busy)} == {200}
            assert (await call("secret")).status_code == 200  # the slots came back
    assert (refused.status_code, problem_of(refused)["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    assert other.status_code == 200
    assert catalogue.status_code == 200  # reading takes none of it


@pytest.mark.parametrize("headers", [{}, {"X-Priority": "bulk"}])
def test_a_key_for_bulk_work_is_served_as_such(fake_service, png, headers):
    keyed = headers | {"X-Api-Key": "batch"}
    with fake_service(lambda n: 0.0, **KEYS) as (url, engine), ThreadPoolExecutor() as thread:
        with held(engine):
            answer = thread.submit(http.post, f"{url}/relight", content=png, headers=keyed)
            waiting = 'relight_requests_outstanding{priority="bulk"}'
            wait_until(lambda: metric(url, waiting) == 1)
        assert answer.result().status_code == 200


@pytest.mark.parametrize("path", ["/relight", "/relight/batch"])
def test_a_key_for_bulk_work_cannot_ask_for_more(guarded_url, png, path):
    headers = {"X-Api-Key": "batch", "X-Priority": "interactive"}
    answer = http.post(f"{guarded_url}{path}", content=png, headers=headers)
    assert (answer.status_code, problem_of(answer)["code"]) == (403, "forbidden")


async def test_a_key_that_floods_the_service_does_not_block_another(fake_service, png):
    knobs = KEYS | {"max_batch_size": 1, "max_queue_wait_ms": 2500}
    with fake_service(lambda n: 0.25, **knobs) as (url, _):
        async with http.AsyncClient(base_url=url, limits=NO_LIMITS) as client:

            async def call(key: str) -> int:
                answer = await client.post("/relight", content=png, headers={"X-Api-Key": key})
                return answer.status_code

            flood = [asyncio.create_task(call("secret")) for _ in range(60)]
            await asyncio.to_thread(wait_until, lambda: queued(url) >= 5)
            few = [await call("another") for _ in range(5)]
            flooded = await asyncio.gather(*flood)
    assert few == [200] * 5
    assert flooded.count(503) > 20


def test_the_command_line_writes_the_key_as_settings_hold_it():
    made = subprocess.run(
        [sys.executable, "-m", "service", "--hash-key", "editor"],
        input="secret\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.strip() == KEYS["api_keys"][0]


def test_a_key_in_the_clear_refuses_the_start_without_showing_it(monkeypatch):
    monkeypatch.setenv("RELIGHT_API_KEYS", "editor:hunter2")
    refused = subprocess.run(
        [sys.executable, "-m", "service"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "RELIGHT_API_KEYS" in refused.stderr or "api_keys" in refused.stderr
    assert "hunter2" not in refused.stderr


def test_other_origins_are_refused_unless_they_are_named(models_dir, url):
    origin = {"Origin": "https://editor.example"}
    assert "access-control-allow-origin" not in http.get(f"{url}/models", headers=origin).headers
    settings = Settings(models_dir=models_dir, cors_origins=("https://editor.example",))
    with serving(create_app(settings)) as open_url:
        answer = http.get(f"{open_url}/models", headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://editor.example"
        stranger = http.get(f"{open_url}/models", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers


def test_an_empty_key_is_never_valid(guarded_url, png):
    answer = http.post(f"{guarded_url}/relight", content=png, headers={"X-Api-Key": ""})
    assert problem_of(answer)["code"] == "unauthorized"
    keyring = Keyring([f"nobody:{digest_of('')}", f"blank:{digest_of(' ')}"], [], max_concurrency=1)
    for given in ("", " ", "\t"):
        with pytest.raises(Unauthorized):
            keyring.caller(given)


@pytest.mark.parametrize(
    ("name", "key", "status"),
    [("editor", "", 2), ("a:b", "k", 2), ("a,b", "k", 2), ("", "k", 2), ("editor-2", "k", 0)],
)
def test_a_key_is_hashed_only_where_settings_can_hold_it(name, key, status, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(key))
    assert main(["--hash-key", name]) == status
    assert bool(capsys.readouterr().out) == (status == 0)


def test_settings_refuse_the_digest_of_nothing_and_keys_that_are_missing():
    with pytest.raises(ValueError, match="empty key"):
        Settings(api_keys=(f"editor:{digest_of('')}",))
    with pytest.raises(ValueError, match="holds no key"):
        Settings(require_keys=True)
    assert Settings(require_keys=True, api_keys=KEYS["api_keys"]).require_keys
