"""A running server with all its processes: what they use, and how they are paused and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from bench.harness import free_port
from bench.peers.catalogue import Peer, Setting
from bench.peers.environments import ROOT

_MARK: Final = "PEER_MARK"  # every descendant inherits it, in whatever session it runs
_START_TIMEOUT_S: Final = 240.0
_TICKS_HZ: Final = os.sysconf("SC_CLK_TCK")


class PeerServer:
    """A peer's processes.

    Args:
        peer: whose they are.
        url: where it answers.
        process: the one that was started.
        mark: value of the variable that all of them carry.
        folder: its files, removed when it ends.
    """

    def __init__(
        self,
        peer: Peer,
        url: str,
        process: subprocess.Popen[bytes],
        mark: str,
        folder: TemporaryDirectory[str],
    ) -> None:
        self.peer = peer
        self.url = url
        self.process = process
        self._folder = folder
        self._mark = f"{_MARK}={mark}".encode()
        self._ended_s: dict[int, float] = {}  # CPU time that each was last seen with

    def pids(self) -> list[int]:
        """Return its processes, also those that left their parent."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    if self._mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def cpu_s(self) -> float:
        """Return the CPU time of all its processes, those that ended since included."""
        for pid in self.pids():
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
                self._ended_s[pid] = (int(fields[11]) + int(fields[12])) / _TICKS_HZ
        return sum(self._ended_s.values())

    def memory_bytes(self) -> int:
        """Return what its processes occupy now; pages that several share count once."""
        total = 0
        for pid in self.pids():
            with suppress(OSError):
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += int(rollup.partition("\nPss:")[2].split()[0]) * 1024
        return total

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all its processes."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def pause(self) -> None:
        """Stop all its processes, so that they take no CPU time from a measured server."""
        self.send(signal.SIGSTOP)

    def wake(self) -> None:
        """Let them go on."""
        self.send(signal.SIGCONT)

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Let it run for a while, and pause it again."""
        self.wake()
        try:
            yield
        finally:
            self.pause()

    def end(self) -> None:
        """End all its processes."""
        self.wake()
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.send(signal.SIGKILL)
        self._folder.cleanup()
        self.process.wait()

    def ask(self, photo: bytes, azimuth_deg: float, timeout_s: float = 120.0) -> httpx.Response:
        """Send one photo and wait for the answer."""
        question: dict[str, Any] = self.peer.question(photo, azimuth_deg)
        return httpx.post(self.url, timeout=timeout_s, **question)

    def wait_until_idle(self, timeout_s: float = 90.0) -> None:
        """Return once it has used less than a tenth of a core for a second."""
        end_s, before_s = time.monotonic() + timeout_s, self.cpu_s()
        while time.monotonic() < end_s:
            time.sleep(1.0)
            now_s = self.cpu_s()
            if now_s - before_s < 0.1:
                return
            before_s = now_s


def start(peer: Peer, setting: Setting, python: Path, model: Path, photo: bytes) -> PeerServer:
    """Start a peer and return it once it has relit a photo.

    Raises:
        RuntimeError: it ends, or does not answer in four minutes.
    """
    port, mark = free_port(), uuid.uuid4().hex
    folder = TemporaryDirectory()  # removed when the server ends
    for name, text in peer.folder(setting).items():
        Path(folder.name, name).write_text(text)
    environment = {**os.environ, **setting.variables(model, port), **peer.variables(model, port)}
    environment |= {_MARK: mark, "PYTHONPATH": str(ROOT), "PATH": f"{python.parent}:/usr/bin:/bin"}
    command = [part.format(folder=folder.name) for part in peer.command(port, setting)]
    process = subprocess.Popen(
        [python, *command],
        env=environment,
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = PeerServer(peer, f"http://127.0.0.1:{port}{peer.path}", process, mark, folder)
    end_s = time.monotonic() + _START_TIMEOUT_S
    try:
        while time.monotonic() < end_s:
            if process.poll() is not None:
                raise RuntimeError(f"{peer.name} ended with {process.returncode}")
            with suppress(httpx.TransportError):
                if server.ask(photo, 90.0).status_code == 200:
                    return server
            time.sleep(0.5)
        raise RuntimeError(f"{peer.name} did not answer in {_START_TIMEOUT_S:g} s")
    except BaseException:
        server.end()
        raise
