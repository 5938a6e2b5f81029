"""Runs a service in its own process and reads its metrics."""

from __future__ import annotations

import io
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from service.contract.golden import golden_path
from service.traffic.keys import digest_of

ADMIN_KEY = "bench"


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its API, its second port, its process and its models folder."""

    url: str
    ops_url: str
    process: subprocess.Popen[bytes]
    models_dir: Path

    def metric(self, name: str, part: str = "") -> float:
        """Return the sum of all series of a metric, or of those of one graph of a model."""
        lines = httpx.get(f"{self.ops_url}/metrics").text.splitlines()
        found = [li for li in lines if li.partition(" ")[0].partition("{")[0] == name]
        of_part = [li for li in found if not part or f'part="{part}"' in li]
        return sum(float(line.rpartition(" ")[2]) for line in of_part)

    def change_model(self, number: int) -> None:
        """Change the file of the model without changing its output.

        This adds an unknown protobuf field; the fake engine does not read the file.
        """
        path = min(self.models_dir.glob("*.onnx"))
        path.write_bytes(path.read_bytes() + bytes((0xC0, 0x3E, number)))

    def cpu_s(self) -> float:
        """Return the CPU time of the process."""
        return cpu_s_of(self.process)


@contextmanager
def running(
    fake: str | None = None,
    model: Path | None = None,
    ports: tuple[int, int] | None = None,
    *,
    command: Sequence[str] = ("-m", "service"),
    prefix: Sequence[str] = (),
    is_pair: bool = False,
    settings: Mapping[str, object] | None = None,
) -> Iterator[Service]:
    """Run `python -m service` on 127.0.0.1, with a fake engine if its T(n) is given.

    Args:
        fake: T(n) in ms, such as `40+30n`; None: ONNX Runtime runs a model.
        model: that model, any of its files; a copy is served, so that it can be changed. None:
            the shipped one.
        ports: ports of the API and of the probes; None: two free ones.
        command: what Python runs.
        prefix: a program that runs Python, such as `prlimit`.
        is_pair: whether the fake engine stands for a pair of graphs.
        settings: further RELIGHT_* variables, by their lower-case names without the prefix.
    """
    with tempfile.TemporaryDirectory() as folder:
        port, ops_port = ports or (free_port(), free_port())
        knobs: dict[str, object] = {
            "port": port,
            "ops_port": ops_port,
            "log_level": "error",
            "admin_keys": f"bench:{digest_of(ADMIN_KEY)}",
        }
        if fake is not None:
            for name in ("fake.scene.onnx", "fake.light.onnx") if is_pair else ("fake.onnx",):
                Path(folder, name).write_bytes(b"0")
            knobs |= {"fake_engine": fake, "models_dir": folder}
        if model is not None:
            name = golden_path(model).name.removesuffix(".golden.npz")
            for file in model.parent.glob(f"{name}.*"):  # both files of a pair, and the golden one
                shutil.copy(file, folder)
            knobs |= {"models_dir": folder}
        knobs |= settings or {}
        environment = os.environ | {f"RELIGHT_{k.upper()}": str(v) for k, v in knobs.items()}
        process = subprocess.Popen([*prefix, sys.executable, *command], env=environment)
        service = Service(
            f"http://127.0.0.1:{port}", f"http://127.0.0.1:{ops_port}", process, Path(folder)
        )
        try:
            _wait_until(lambda http: http.get(f"{service.ops_url}/readyz"), process)
            yield service
        finally:
            process.kill()
            process.wait()


@contextmanager
def echoing() -> Iterator[str]:
    """Run a bare server that echoes every body; yield its address."""
    port = free_port()
    code = f"""
import uvicorn

async def echo(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({{"type": "http.response.start", "status": 200, "headers": [
        (b"content-length", str(len(body)).encode())]}})
    await send({{"type": "http.response.body", "body": body}})

uvicorn.run(echo, port={port}, http="httptools", loop="uvloop", lifespan="off",
            log_config=None, access_log=False)
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until(lambda http: http.post(url, content=b"x"), process)
        yield url
    finally:
        process.kill()
        process.wait()


@contextmanager
def crowd() -> Iterator[int]:
    """Occupy three quarters of every CPU, 150 ms of 200; yield the number of processes.

    They are scheduled before the service and after the client if the system allows it.
    """
    code = """
import time
from bench.harness import go_first

go_first(20)
while True:
    end_s = time.perf_counter() + 0.150
    while time.perf_counter() < end_s:
        pass
    time.sleep(0.050)
"""
    number = os.cpu_count() or 1
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(number)]
    try:
        yield number
    finally:
        for process in processes:
            process.kill()
            process.wait()


def go_first(priority: int) -> bool:
    """Give this process real-time priority; return whether the system allowed it."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
    except (AttributeError, PermissionError):
        return False
    return True


def photo(side_px: int = 96, seed: int = 0) -> bytes:
    """Return a small JPEG, so that the CPU's work is small."""
    noise = np.random.default_rng(seed).integers(60, 190, (side_px // 8, side_px // 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((side_px, side_px)).save(file, "jpeg")
    return file.getvalue()


def cpu_s_of(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU time of a process that has not been waited for yet."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait_until(
    ask: Callable[[httpx.Client], httpx.Response],
    process: subprocess.Popen[bytes],
    timeout_s: float = 600.0,  # a busy machine loads a model in a minute
) -> None:
    """Poll until the answer is 200, with one client, as each creates a TLS context."""
    end_s = time.monotonic() + timeout_s
    with httpx.Client() as http:
        while time.monotonic() < end_s:
            if process.poll() is not None:
                raise RuntimeError("the server ended before it was ready")
            with suppress(httpx.TransportError):
                if ask(http).status_code == 200:
                    return
            time.sleep(0.05)
    raise RuntimeError("the server was not ready in time")


def free_port() -> int:
    """Return an unused port of 127.0.0.1, outside of those that the system hands out itself."""
    while True:
        port = random.randrange(10_000, 30_000)  # Linux hands out 32768 and above
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
