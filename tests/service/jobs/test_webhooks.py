"""Webhooks: signed, retried, and sent nowhere but where the operator allows."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import httpx
import pytest
from prometheus_client import CollectorRegistry

from service.app import create_app
from service.jobs.destinations import Destinations
from service.jobs.job import Job
from service.jobs.metrics import JobMetrics
from service.jobs.webhooks import Webhooks
from service.settings import Settings
from service.traffic.memory_budget import ByteBudget
from tests import http_client as http
from tests.service.calls import ASYNC, metric, problem_of, wait_until
from tests.service.stand_ins import serving

SECRET = bytes(range(32))
WORD = "whsec_" + base64.b64encode(SECRET).decode()
LOOPBACK = ip_network("127.0.0.0/8")


@contextmanager
def receiving(*statuses: int, location: str = "") -> Iterator[tuple[str, list[tuple[dict, bytes]]]]:
    """Serve a receiver that answers with these statuses, the last one for ever."""
    got: list[tuple[dict, bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections stay open, as far as the receiver goes

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {k.lower(): v for k, v in self.headers.items()}
            got.append((headers | {"client": str(self.client_address)}, body))
            self.send_response(statuses[min(len(got), len(statuses)) - 1])
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/done?for=me", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def job(url: str, caller: str = "ann") -> Job:
    return Job(
        id="a1",
        operation="/relight",
        caller=caller,
        task=None,
        holding=ByteBudget(1).open(),
        retry=None,
        webhook_url=url,
        state="succeeded",
        ended_at=datetime.now(UTC),
    )


def webhooks(*, networks=(LOOPBACK,), hosts=()) -> tuple[Webhooks, JobMetrics]:
    metrics = JobMetrics(CollectorRegistry())
    allowed = Destinations(hosts, networks)
    secrets = {"ann": SECRET, "ben": SECRET}
    return Webhooks(allowed, secrets, metrics, pauses_s=(0.0, 0.0, 0.0)), metrics


def delivered(metrics: JobMetrics, outcome: str) -> float:
    return metrics.webhooks.labels(outcome)._value.get()


async def test_the_receiver_can_verify_an_event():
    hooks, metrics = webhooks()
    with receiving(204) as (url, got):
        await hooks.deliver(job(url))
    ((headers, body),) = got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    event = json.loads(body)
    assert (event["type"], event["data"]["id"]) == ("job.succeeded", "a1")
    assert headers["host"] == url.removeprefix("http://").split("/")[0]
    assert delivered(metrics, "delivered") == 1


@pytest.mark.parametrize(
    ("statuses", "num_tries", "outcome"),
    [
        ((500, 429, 200), 3, "delivered"),
        ((503,), 4, "failed"),
        ((404,), 1, "failed"),
        ((410,), 1, "failed"),
    ],
)
async def test_tries_are_repeated_after_temporary_failures_and_bounded(
    statuses, num_tries, outcome
):
    hooks, metrics = webhooks()
    with receiving(*statuses) as (url, got):
        await hooks.deliver(job(url))
    assert len(got) == num_tries
    assert delivered(metrics, outcome) == 1


async def test_certificates_are_read_once_and_off_the_event_loop(monkeypatch):
    create, readers = httpx.create_ssl_context, []

    def create_ssl_context(*args, **knobs):
        readers.append(threading.current_thread())
        return create(*args, **knobs)

    monkeypatch.setattr(httpx, "create_ssl_context", create_ssl_context)
    hooks, _ = webhooks()
    with receiving(500, 500, 200) as (url, got):
        await hooks.deliver(job(url))
    assert len(got) == 3
    (reader,) = readers
    assert reader is not threading.current_thread()


async def test_each_try_has_a_connection_of_its_own():
    """One to the same address may have been verified for another host."""
    hooks, _ = webhooks()
    with receiving(500, 500, 200) as (url, got):
        await hooks.deliver(job(url))
        await hooks.deliver(job(url))
        await hooks.close()
    assert len({headers["client"] for headers, _ in got}) == len(got) == 4


async def test_receivers_that_never_answer_hold_up_their_own_caller_alone():
    hooks, metrics = webhooks()
    with socket.create_server(("127.0.0.1", 0)) as silent, receiving(200) as (url, got):
        never = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        slow = [asyncio.create_task(hooks.deliver(job(never, "ann"))) for _ in range(500)]
        begun = [(await asyncio.to_thread(silent.accept))[0] for _ in range(4)]
        await hooks.deliver(job(url, "ben"))
        assert len(got) == delivered(metrics, "delivered") == 1
        assert not any(task.done() for task in slow)
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        for connection in begun:
            connection.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(status):
    hooks, metrics = webhooks()
    with receiving(200) as (elsewhere, untouched), receiving(status, location=elsewhere) as there:
        url, got = there
        await hooks.deliver(job(url))
    assert (len(got), untouched) == (1, [])
    assert delivered(metrics, "failed") == 1


async def test_an_unreachable_receiver_is_counted_as_failed():
    hooks, metrics = webhooks()
    with socket.socket() as closed:  # holds its port, but does not listen
        closed.bind(("127.0.0.1", 0))
        await hooks.deliver(job(f"http://127.0.0.1:{closed.getsockname()[1]}/"))
    assert delivered(metrics, "failed") == 1


async def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    hooks, metrics = webhooks()
    with receiving(200) as (url, got):
        await hooks.deliver(job(url))
    assert len(got) == delivered(metrics, "delivered") == 1


def test_a_webhook_reports_that_a_job_has_ended(models_dir, png):
    knobs = {"webhook_hosts": ("127.0.0.0/8",), "webhook_secrets": (f"anonymous:{WORD}",)}
    app = create_app(Settings(models_dir=models_dir, **knobs))
    with serving(app) as url, receiving(200) as (hook, got):
        for data in (png, png[:200]):
            headers = ASYNC | {"X-Webhook-Url": hook}
            taken = http.post(f"{url}/relight", content=data, headers=headers)
            assert taken.status_code == 202
        wait_until(lambda: metric(url, 'relight_webhooks_total{outcome="delivered"}') == 2)
    said = {json.loads(body)["type"]: json.loads(body)["data"] for _, body in got}
    assert set(said) == {"job.succeeded", "job.failed"}
    assert said["job.failed"]["code"] == "image_corrupt"


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (ASYNC, "host"),
        ({}, "Prefer"),
    ],
)
def test_a_webhook_that_is_not_allowed_is_refused_at_once(models_dir, png, headers, words):
    knobs = {"webhook_hosts": ("a.example",), "webhook_secrets": (f"anonymous:{WORD}",)}
    with serving(create_app(Settings(models_dir=models_dir, **knobs))) as url:
        hook = {"X-Webhook-Url": "http://169.254.169.254/latest/meta-data"}
        answer = http.post(f"{url}/relight", content=png, headers=headers | hook)
    problem = problem_of(answer)
    assert (problem["code"], problem["option"]) == ("invalid_option", "X-Webhook-Url")
    assert words in problem["detail"]


def test_webhooks_are_off_by_default(url, png):
    headers = ASYNC | {"X-Webhook-Url": "https://example.com/"}
    problem = problem_of(http.post(f"{url}/relight", content=png, headers=headers))
    assert problem["option"] == "X-Webhook-Url"


@pytest.mark.parametrize(
    "knobs",
    [
        {"webhook_hosts": ("a.example",)},
        {"webhook_secrets": (f"ann:{WORD}",)},
        {"webhook_hosts": ("https://a.example",), "webhook_secrets": (f"ann:{WORD}",)},
        {"webhook_hosts": ("a.example",), "webhook_secrets": ("ann:secret",)},
        {"webhook_hosts": ("a.example",), "webhook_secrets": ("ann:whsec_c2hvcnQ=",)},
        {"webhook_hosts": ("*",), "webhook_secrets": (f"ann:{WORD}",)},
    ],
)
def test_settings_that_could_not_work_are_refused(knobs):
    with pytest.raises(ValueError, match=r"(?i)webhook"):
        Settings(**knobs)
