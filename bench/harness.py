"""A service of its own process to measure, and what it says of itself."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from service.keys import digest_of

ADMIN_KEY = "bench"


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its API, its second port, its process and its models' folder."""

    url: str
    ops_url: str
    process: subprocess.Popen[bytes]
    models_dir: Path

    def metric(self, name: str) -> float:
        """Return the sum of all series of that name."""
        lines = httpx.get(f"{self.ops_url}/metrics").text.splitlines()
        found = [li for li in lines if li.partition(" ")[0].partition("{")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def cpu_s(self) -> float:
        """Return the CPU time that the process has used."""
        return cpu_s_of(self.process)


@contextmanager
def running(
    fake: str | None = None, ports: tuple[int, int] | None = None, **settings: object
) -> Iterator[Service]:
    """Run `python -m service` on 127.0.0.1, with a fake engine where its T(n) is given.

    Args:
        fake: T(n) in ms, such as `40+30n`; else ONNX Runtime runs the shipped model.
        ports: of the API and of the probes; else two free ones.
        settings: further RELIGHT_* variables.
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
            Path(folder, "fake.onnx").write_bytes(b"0")
            knobs |= {"fake_engine": fake, "models_dir": folder}
        knobs |= settings
        environment = os.environ | {f"RELIGHT_{k.upper()}": str(v) for k, v in knobs.items()}
        process = subprocess.Popen([sys.executable, "-m", "service"], env=environment)
        service = Service(
            f"http://127.0.0.1:{port}", f"http://127.0.0.1:{ops_port}", process, Path(folder)
        )
        try:
            _wait_until_ready(service)
            yield service
        finally:
            process.kill()
            process.wait()


def photo(side_px: int = 96, seed: int = 0) -> bytes:
    """Return a small JPEG, so that the CPU's share of the work is small."""
    noise = np.random.default_rng(seed).integers(60, 190, (side_px // 8, side_px // 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((side_px, side_px)).save(file, "jpeg")
    return file.getvalue()


def cpu_s_of(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU time that a process, not waited for yet, has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(service: Service, timeout_s: float = 120.0) -> None:
    end_s = time.monotonic() + timeout_s
    with httpx.Client() as client:  # one for all probes: making it costs CPU time
        while time.monotonic() < end_s:
            if service.process.poll() is not None:
                raise RuntimeError("the service ended before it was ready")
            try:
                if client.get(f"{service.ops_url}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise RuntimeError("the service was not ready in time")
