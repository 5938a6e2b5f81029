"""`python -m service`: serve until SIGTERM, then drain and end with status 0."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import uvicorn
import uvloop
from fastapi import FastAPI

from relight.errors import RelightError
from service.connections import BoundedProtocol, ConnectionLimits
from service.connections.limits import OPS_CONNECTIONS, connections_within, raise_file_limit
from service.settings import KEY_NAME, InvalidSettings, Settings, read_settings, settings_page
from service.telemetry import logs, native_output
from service.traffic.keys import digest_of

if TYPE_CHECKING:  # it needs a runtime that may be missing
    from service.api.context import AppContext

_GRACE_S: Final = 5.0  # beyond the last request's deadline
_FAREWELL_S: Final = 2.0  # for the last answers, and for a probe to see `/livez` fail

_log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """A server that leaves the signals to `serve`, as two share one process.

    Args:
        config: uvicorn's.
        on_listening: called once the port is open.
    """

    def __init__(
        self, config: uvicorn.Config, on_listening: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port."""
        await super().startup(sockets)
        self._on_listening()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, this process's own where none is given; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m service", description=__doc__)
    parser.add_argument(
        "--print-settings",
        action="store_true",
        help="print every RELIGHT_* setting as Markdown and exit",
    )
    parser.add_argument(
        "--hash-key",
        metavar="NAME",
        help="read a key from standard input, print its entry for RELIGHT_API_KEYS, and exit",
    )
    asked = parser.parse_args(arguments)
    if asked.print_settings:
        print(settings_page())  # the Makefile writes it to docs/settings.md
        print(f"open files: at most {raise_file_limit()}, the hard limit", file=sys.stderr)
        return 0
    if asked.hash_key is not None:
        return _print_key(asked.hash_key, sys.stdin.readline().strip())
    try:
        settings = read_settings()
    except InvalidSettings as error:
        print(error, file=sys.stderr)
        return 2
    for library in ("OMP", "OPENBLAS", "MKL"):  # read when numpy is imported
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # the pool's are the parallelism
    try:
        # Not at the top: it needs a runtime that may be missing.
        from service.app import create_app, create_ops_app  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "onnxruntime":
            raise
        print(
            "ONNX Runtime is missing: install relight[cpu], or relight[gpu] for NVIDIA GPUs",
            file=sys.stderr,
        )
        return 1
    with native_output.captured():
        _configure_logs(settings)
        num_files = raise_file_limit()
        _log.info("at most %d open files", num_files)
        try:
            app = create_app(settings)
            uvloop.run(serve(app, create_ops_app(app), settings, num_files=num_files))
        except RelightError as error:
            print(f"cannot serve: {error}", file=sys.stderr)
            return 1
    return 0


def _configure_logs(settings: Settings) -> None:
    if settings.tracing:
        from service.api import tracing  # noqa: PLC0415  an extra

        logs.configure(settings.log_level, tracing.current_trace_id)
    else:
        logs.configure(settings.log_level)


def _print_key(name: str, key: str) -> int:
    """Print the entry of a key for the settings; return the exit status."""
    if not key:
        print("--hash-key: standard input holds no key", file=sys.stderr)
    elif not KEY_NAME.fullmatch(name):
        print("--hash-key: a name has letters, digits, '.', '_' and '-' only", file=sys.stderr)
    else:
        print(f"{name}:{digest_of(key)}")
        return 0
    return 2


async def serve(
    app: FastAPI, ops_app: FastAPI, settings: Settings, *, num_files: int = 1024
) -> None:
    """Serve the API and, on the second port, probes and metrics, until a signal ends it.

    The second port opens first, so that probes are answered while the models load. The
    first signal turns `/readyz` to 503; after `drain_s` more, in which everything is still
    served, the API stops listening and what was admitted is finished. A second signal
    ends the waiting. SIGHUP loads new models. Where only a restart can help, `/livez` says so
    and the process ends with status 70.
    """
    context: AppContext = app.state.context
    lifecycle = context.lifecycle
    lifecycle.listening = False

    def on_listening() -> None:
        lifecycle.listening = True

    limits = _connection_limits(settings, num_files)
    protocol = partial(BoundedProtocol, limits=limits, metrics=context.connection_metrics)
    api_server = _Server(_config(app, settings.port, settings, protocol), on_listening)
    protocol = partial(BoundedProtocol, limits=replace(limits, max_connections=OPS_CONNECTIONS))
    ops_server = _Server(_config(ops_app, settings.ops_port, settings, protocol))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if lifecycle.draining:
            api_server.should_exit = api_server.force_exit = True
        lifecycle.draining = True
        stop.set()

    async def drain() -> None:
        await stop.wait()
        await asyncio.sleep(settings.drain_s)  # until no load balancer sends any more
        api_server.should_exit = True

    async def reload() -> None:
        try:
            await context.repository.reload()
        except RelightError as error:
            _log.error("the models were not reloaded: %s", error)
        except Exception:
            _log.exception("the models were not reloaded")

    async def watch() -> None:
        await lifecycle.until_dead()
        await asyncio.sleep(_FAREWELL_S)
        os._exit(os.EX_SOFTWARE)  # a thread that hangs on the device can never be joined

    tasks: set[asyncio.Task[None]] = set()
    loop.add_signal_handler(signal.SIGHUP, lambda: tasks.add(asyncio.create_task(reload())))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    probes = asyncio.create_task(ops_server.serve())
    try:
        async with app.router.lifespan_context(app):
            tasks |= {asyncio.create_task(drain()), asyncio.create_task(watch())}
            await api_server.serve()
            for task in tasks:
                task.cancel()
    finally:
        ops_server.should_exit = True
        await probes


def _connection_limits(settings: Settings, num_files: int) -> ConnectionLimits:
    return ConnectionLimits(
        max_connections=connections_within(num_files, settings.max_connections),
        max_header_bytes=settings.max_header_bytes,
        max_headers=settings.max_headers,
        first_byte_timeout_s=settings.first_byte_timeout_s,
        header_timeout_s=settings.header_timeout_s,
        idle_timeout_s=settings.idle_timeout_s,
        write_timeout_s=settings.write_timeout_s,
    )


def _config(
    app: FastAPI, port: int, settings: Settings, protocol: Callable[..., BoundedProtocol]
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        http=cast("type[asyncio.Protocol]", protocol),  # uvicorn only calls it
        loop="uvloop",
        lifespan="off",  # `serve` runs it, so that a failure is an exception like any other
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=cast("int", settings.idle_timeout_s),  # any number of seconds
        timeout_graceful_shutdown=round(settings.request_timeout_ms / 1e3 + _GRACE_S),
    )


if __name__ == "__main__":
    sys.exit(main())
