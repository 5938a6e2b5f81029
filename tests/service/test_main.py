from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import httpx
import pytest

from bench.harness import free_port
from tests import http_client as http
from tests.service.calls import wait_until
from tests.service.stand_ins import contract, write_model

COMMAND = [sys.executable, "-m", "service"]


def environment(**settings: object) -> dict[str, str]:
    return os.environ | {f"RELIGHT_{name.upper()}": str(value) for name, value in settings.items()}


def run(*arguments: str, code: str | None = None, **settings: object):
    command = [sys.executable, "-c", code] if code else [*COMMAND, *arguments]
    return subprocess.run(
        command,
        check=False,
        env=environment(**settings),
        capture_output=True,
        text=True,
    )


@contextmanager
def service(models_dir, *, code: str | None = None, **settings: object):
    port, ops_port = free_port(), free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", code] if code else COMMAND,
        env=environment(models_dir=models_dir, port=port, ops_port=ops_port, **settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    ops = f"http://127.0.0.1:{ops_port}"
    try:
        end_s = time.monotonic() + 50
        while status(f"{ops}/readyz") != 200:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < end_s
            time.sleep(0.02)
        yield process, f"http://127.0.0.1:{port}", ops
    finally:
        process.kill()
        process.communicate()


def status(url: str) -> int | None:
    try:
        return http.get(url).status_code
    except httpx.TransportError:
        return None


@pytest.mark.serial
def test_sigterm_turns_readyz_first_serves_on_and_ends_with_0(models_dir, png):
    with service(models_dir, drain_s=3) as (process, url, ops):
        statuses: list[int] = []

        def keep_asking() -> None:
            while True:
                try:
                    statuses.append(http.post(f"{url}/relight", content=png).status_code)
                except httpx.TransportError:  # it listens no more
                    return

        client = threading.Thread(target=keep_asking)
        client.start()
        wait_until(lambda: statuses)
        before = len(statuses)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: status(f"{ops}/readyz") == 503)
        assert status(f"{ops}/livez") == 200
        since = len(statuses)
        wait_until(lambda: len(statuses) > since + 1)  # it serves on
        _, log = process.communicate(timeout=30)
        client.join()
    assert process.returncode == 0
    assert set(statuses) == {200}  # not one was lost, though they came all the time
    assert len(statuses) > before
    lines = [json.loads(line) for line in log.splitlines()]  # every line is JSON
    access = [line for line in lines if line["logger"] == "relight.access"]
    answered = [line for line in access if line["path"] == "/relight" and line["status"] == 200]
    assert len(answered) == len(statuses)
    assert all(line["request_id"] for line in access)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def started(models_dir, home):
    """The addresses of a service and of its second port; its home folder is `home`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for name in ("CI", "PYTEST_CURRENT_TEST", "ORT_DISABLE_TELEMETRY"):
            patch.delenv(name, raising=False)
        with service(models_dir, providers="cpu") as (_, url, ops):
            yield url, ops


def test_the_ops_port_serves_metrics_and_probes_alone(started):
    url, ops = started
    assert "relight_model_ready 1.0" in http.get(f"{ops}/metrics").text
    assert status(f"{ops}/models") == 404
    assert status(f"{url}/readyz") == 200


@pytest.mark.usefixtures("started")
def test_the_runtime_sends_no_telemetry(home):
    # Where it reports, ONNX Runtime first writes a device's number under the home folder.
    assert list(home.iterdir()) == []


def test_settings_are_printed_as_a_table():
    printed = run("--print-settings")
    assert printed.returncode == 0
    assert "| `RELIGHT_PORT` | `8000` |" in printed.stdout


def test_an_unknown_setting_is_named_and_nothing_starts():
    refused = run(prot=1)
    assert refused.returncode == 2
    assert "RELIGHT_PROT" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_a_model_the_service_reports_it_and_does_not_start(tmp_path):
    refused = run(models_dir=tmp_path, port=free_port(), ops_port=free_port())
    assert refused.returncode == 1
    assert "no .onnx file" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_service_needs_none_of_the_exporters_libraries():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'onnx', 'model_export']));"
        "import service.app"
    )
    done = run(code=code)
    assert done.returncode == 0, done.stderr


def test_without_onnx_runtime_it_says_what_to_install():
    code = (
        "import sys; sys.modules['onnxruntime'] = None; sys.argv = ['service'];"
        "from service.__main__ import main; sys.exit(main())"
    )
    refused = run(code=code)
    assert refused.returncode == 1
    assert "relight[cpu]" in refused.stderr


def test_a_poisoned_device_ends_the_process(models_dir, png):
    code = """
import sys
from pathlib import Path
import uvloop
from service.__main__ import serve
from service.app import create_app, create_ops_app
from relight.errors import DevicePoisoned
from service.inference.fake_engine import FakeEngine
from service.settings import Settings

settings, engine = Settings(), FakeEngine()
app = create_app(settings, open_engine=lambda path: engine)
count = 0
def poison(n):
    global count
    count += 1
    if count > 6:  # what the warm-up runs
        raise DevicePoisoned("it broke down")
    return 0.0
engine.duration_s = poison
uvloop.run(serve(app, create_ops_app(app), settings))
"""
    with service(models_dir, code=code, max_batch_size=1) as (process, url, ops):
        assert http.post(f"{url}/relight", content=png).status_code == 500
        assert status(f"{ops}/livez") == 503
        assert process.wait(10) == os.EX_SOFTWARE


def test_sighup_loads_new_models_and_a_bad_one_changes_nothing(tmp_path, png):
    write_model(tmp_path / "first.onnx")
    with service(tmp_path) as (process, url, ops):
        before = http.get(f"{url}/models").json()["models"]
        write_model(tmp_path / "first.onnx", contract(version="2").to_metadata())
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: http.get(f"{url}/models").json()["models"] != before)
        assert http.get(f"{url}/models").json()["models"][0]["version"] == "2"
        (tmp_path / "first.onnx").write_bytes(b"rubbish")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: 'reloads_total{result="error"} 1.0' in http.get(f"{ops}/metrics").text)
        assert http.post(f"{url}/relight", content=png).status_code == 200
        assert status(f"{ops}/readyz") == 200
