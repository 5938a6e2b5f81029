"""Starts, stops and restarts the services of a fleet, each on its own two ports."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Final

from bench.fleet.balancer import Balancer, balancing
from bench.harness import Service, free_port, running

ENGINE: Final = "100+100n"  # T(n) in ms: slow, so that two cores can run four services
MAX_BATCH: Final = 4
CAPACITY_HZ: Final = MAX_BATCH / 0.5  # of one service


class Fleet:
    """Slots behind a balancer; each is empty or has a service.

    Its methods block; call them from a thread in an event loop.

    Args:
        balancer: knows all slots.
        ports: ports of each slot's API and probes.
        engine: T(n) of the fake engine.
        settings: other RELIGHT_* variables of each service.

    Attributes:
        balancer: receives the requests.
        services: ready services by the number of their slot.
    """

    def __init__(
        self,
        balancer: Balancer,
        ports: Sequence[tuple[int, int]],
        engine: str,
        settings: dict[str, object],
    ) -> None:
        self.balancer = balancer
        self.services: dict[int, Service] = {}
        self._ports = ports
        self._engine = engine
        self._settings = settings
        self._stacks: dict[int, ExitStack] = {}

    def start(self, number: int) -> None:
        """Start the service of a slot; return once the balancer sends it requests."""
        stack = self._stacks[number] = ExitStack()
        ports = self._ports[number]
        self.services[number] = stack.enter_context(
            running(self._engine, ports=ports, settings=self._settings)
        )
        self._wait_until(number, is_up=True)

    def start_all(self, numbers: Iterable[int]) -> None:
        """Start several at the same time."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(self.start, numbers))

    def end(self, number: int, with_signal: signal.Signals) -> tuple[float, int]:
        """Send a signal to the service of a slot; return once it has exited.

        Returns:
            Seconds until the balancer stopped sending it requests; its exit status.
        """
        process = self.services[number].process
        process.send_signal(with_signal)
        out_s = self._wait_until(number, is_up=False)
        status = process.wait(90)
        del self.services[number]
        self._stacks.pop(number).close()
        return out_s, status

    def close(self) -> None:
        """Kill the services that still run."""
        for stack in self._stacks.values():
            stack.close()

    def _wait_until(self, number: int, *, is_up: bool, timeout_s: float = 30.0) -> float:
        start_s = time.monotonic()
        while (number in self.balancer.up()) != is_up:
            if time.monotonic() > start_s + timeout_s:
                raise RuntimeError(f"place {number} should be {'in' if is_up else 'out'} by now")
            time.sleep(0.05)
        return time.monotonic() - start_s


@contextmanager
def fleet(
    num_places: int, num_running: int, engine: str = ENGINE, **settings: object
) -> Iterator[Fleet]:
    """Run a balancer with that many slots, of which the first ones have a service."""
    ports = [(free_port(), free_port()) for _ in range(num_places)]
    knobs: dict[str, object] = {"max_batch_size": MAX_BATCH, "cache_bytes": 0}
    with balancing(ports) as balancer:
        members = Fleet(balancer, ports, engine, knobs | settings)
        try:
            members.start_all(range(num_running))
            yield members
        finally:
            members.close()
