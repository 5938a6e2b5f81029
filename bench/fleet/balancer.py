"""HAProxy in front of several services, all on 127.0.0.1.

It sends a request to the service with the fewest in flight, and checks `/readyz` on the second
port. It tries another service only if a connection fails, so it never causes a request to be
processed twice.
"""

from __future__ import annotations

import csv
import io
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.harness import cpu_s_of, free_port

PROGRAM_PATH: Final = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin"
PROBE_S: Final = 0.2
NUM_FAILED_PROBES: Final = 2  # until a service gets no more requests

_CONFIGURATION: Final = """\
global
  maxconn 2000
  nbthread 1
  stats socket {folder}/haproxy.sock mode 600

defaults
  mode http
  timeout connect 1s
  timeout client 90s
  timeout server 90s
  timeout check 5s
  retries 3
  option redispatch 1
  retry-on conn-failure

frontend clients
  bind 127.0.0.1:{port}
  default_backend services

backend services
  balance leastconn
  option httpchk GET /readyz
  default-server check inter {probe_ms} fall {num_failed_probes} rise 1
"""
_SERVER: Final = "  server {number} 127.0.0.1:{port} port {ops_port}\n"


class BalancerMissing(RuntimeError):
    """HAProxy is not installed."""


@dataclass(frozen=True, slots=True)
class Balancer:
    """A running HAProxy: its address, its process, and its statistics socket."""

    url: str
    process: subprocess.Popen[bytes]
    control: Path

    def up(self) -> set[int]:
        """Return the numbers of the services that receive requests."""
        return {
            int(row["svname"])
            for row in self._rows()
            if row["svname"].isdecimal() and row["status"].startswith("UP")
        }

    def num_connection_retries(self) -> int:
        """Return the number of requests that failed to connect and were sent to another service."""
        return sum(
            int(row["wretr"] or 0) + int(row["wredis"] or 0)
            for row in self._rows()
            if (row["# pxname"], row["svname"]) == ("services", "BACKEND")
        )

    def cpu_s(self) -> float:
        """Return the CPU time of the balancer."""
        return cpu_s_of(self.process)

    def _rows(self) -> list[dict[str, str]]:
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as answer:
            connection.connect(str(self.control))
            connection.sendall(b"show stat\n")
            return list(csv.DictReader(io.StringIO(answer.read().decode())))


@contextmanager
def balancing(ports: Sequence[tuple[int, int]]) -> Iterator[Balancer]:
    """Run HAProxy in front of services with these ports of the API and of the probes.

    Raises:
        BalancerMissing: HAProxy is not installed.
    """
    program = shutil.which("haproxy", path=PROGRAM_PATH)
    if program is None:
        raise BalancerMissing("HAProxy is missing: apt-get install haproxy")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        text = _CONFIGURATION.format(
            folder=folder,
            port=port,
            probe_ms=round(PROBE_S * 1e3),
            num_failed_probes=NUM_FAILED_PROBES,
        )
        for number, (api_port, ops_port) in enumerate(ports):
            text += _SERVER.format(number=number, port=api_port, ops_port=ops_port)
        configuration = Path(folder, "haproxy.cfg")
        configuration.write_text(text)
        # -db: in the foreground; -q: no messages about services that start and stop.
        command = [program, "-db", "-q", "-f", str(configuration)]
        process = subprocess.Popen(command)
        try:
            balancer = Balancer(f"http://127.0.0.1:{port}", process, Path(folder, "haproxy.sock"))
            _wait_until_it_answers(balancer)
            yield balancer
        finally:
            process.kill()
            process.wait()


def _wait_until_it_answers(balancer: Balancer, timeout_s: float = 10.0) -> None:
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s and balancer.process.poll() is None:
        if balancer.control.exists():
            return
        time.sleep(0.05)
    raise RuntimeError("HAProxy did not start")
