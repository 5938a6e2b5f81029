"""Signals, pauses, limits of the system, a clock that steps."""

from __future__ import annotations

import io
import json
import shutil
import signal
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import httpx

from bench.chaos.fault import PATIENCE_S, Fault, NotRun, connect, relit, still_serves, wait_until
from bench.harness import free_port, photo, running

_FAKE = "40+30n"
_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def _sigkill() -> tuple[str, bool]:
    ports = free_port(), free_port()
    with running(_FAKE, ports=ports) as service:
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
    with running(_FAKE, ports=ports) as service:  # nothing of the first is in the way
        return "starts anew on the same ports", still_serves(service)


def _sigstop() -> tuple[str, bool]:
    with running(_FAKE) as service:
        client = threading.Thread(target=relit, args=(service,))
        client.start()
        service.process.send_signal(signal.SIGSTOP)
        time.sleep(15)
        service.process.send_signal(signal.SIGCONT)
        client.join()
        return "goes on after 15 s", still_serves(service)


def _sigterm() -> tuple[str, bool]:
    with running("200+0n", settings={"drain_s": 0.5, "max_batch_size": 1}) as service:
        answers: list[httpx.Response] = []
        files = [("image", (f"{n}.jpg", photo(seed=n))) for n in range(32)]

        def send() -> None:
            answers.append(httpx.post(f"{service.url}/relight/batch", files=files, timeout=90))

        client = threading.Thread(target=send)
        client.start()
        wait_until(lambda: service.metric("relight_requests_outstanding") > 0)
        service.process.send_signal(signal.SIGTERM)
        client.join()
        status = service.process.wait(60)
        manifest = zipfile.ZipFile(io.BytesIO(answers[0].content)).read("manifest.json")
        images = json.loads(manifest)["images"]
        codes = [image.get("problem", {}).get("code", "relit") for image in images]
        text = f"exit {status}; {codes.count('relit')} relit, {codes.count('draining')} draining"
        return text, status == 0 and len(images) == 32 and set(codes) <= {"relit", "draining"}


def _memory_limit() -> tuple[str, bool]:
    """Run in an address space of 3 GB, and send pictures of 48 megapixels at once."""
    body = photo(6928)
    knobs = {
        "num_threads": 4,
        "decode_budget_s": PATIENCE_S,
        "request_timeout_ms": int(PATIENCE_S * 1e3),
    }
    with running(_FAKE, prefix=("prlimit", f"--as={3 << 30}"), settings=knobs) as service:
        statuses: list[int] = []
        clients = [
            threading.Thread(target=lambda: statuses.append(relit(service, body).status_code))
            for _ in range(6)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        return f"statuses {sorted(statuses)}", set(statuses) <= {200, 503} and still_serves(service)


def _file_limit() -> tuple[str, bool]:
    with running(_FAKE, prefix=("prlimit", "--nofile=512")) as service:
        clients = [connect(service) for _ in range(600)]
        ready = httpx.get(f"{service.ops_url}/readyz", timeout=30).status_code
        for client in clients:
            client.close()
        return f"readyz {ready} among 600 connections, 512 files", ready == 200 and wait_until(
            lambda: relit(service).status_code == 200
        )


def _disk_full() -> tuple[str, bool]:
    """Let every write to a file fail: the service keeps nothing on disk."""
    with running(_FAKE, prefix=("prlimit", "--fsize=0")) as service:
        status = relit(service, photo(1600)).status_code
        form = {"image": ("a.jpg", photo(1600))}
        posted = httpx.post(f"{service.url}/relight", files=form, timeout=60).status_code
        return f"raw {status}, form {posted}", status == posted == 200


def _clock() -> tuple[str, bool]:
    if not _FAKETIME.exists():
        raise NotRun("it wants Debian's package `faketime`")
    with tempfile.TemporaryDirectory() as folder:
        offset = Path(folder, "offset")
        offset.write_text("+0\n")
        faked = {
            "LD_PRELOAD": str(_FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        env = shutil.which("env") or "env"
        prefix = (env, *(f"{name}={value}" for name, value in faked.items()))
        # libfaketime refuses the sleep of the fake engine, so the shipped network runs.
        with running(model=Path("service/models/drn-s.onnx"), prefix=prefix) as service:
            statuses: list[int] = []
            for step in ("-10d\n", "+400d\n"):
                offset.write_text(step)
                statuses.append(relit(service, photo(seed=len(statuses))).status_code)
            return f"statuses {statuses} after -10 and +400 days", statuses == [200, 200]


def _no_threads() -> tuple[str, bool]:
    code = (
        "import threading; real = threading.Thread.start; refused = [0]\n"
        "def start(thread):\n"
        "    if thread.name == 'cpu' and refused[0] < 2:\n"
        "        refused[0] += 1; raise RuntimeError('no more threads')\n"
        "    real(thread)\n"
        "threading.Thread.start = start\n"
        "from service.__main__ import main; main([])"
    )
    with running(_FAKE, command=("-c", code), settings={"num_threads": 1}) as service:
        first = [relit(service, photo(seed=n)).status_code for n in range(2)]
        return f"statuses {first}, then 200", set(first) <= {200, 503} and still_serves(service)


FAULTS = (
    Fault("SIGKILL", "the next process starts on the same ports", _sigkill),
    Fault("SIGSTOP for 15 s", "it goes on, and is not restarted", _sigstop),
    Fault("SIGTERM in a batch of 32", "exit 0, a whole manifest, no cut connection", _sigterm),
    Fault("address space of 3 GB", "200 or 503, and it serves on", _memory_limit),
    Fault("512 files, 600 connections", "probes answer, and it serves on", _file_limit),
    Fault("no byte can be written to disk", "photos are relit", _disk_full),
    Fault("the clock steps", "deadlines are not touched", _clock),
    Fault("threads do not start", "they are replaced", _no_threads),
)
