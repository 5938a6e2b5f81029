"""`python -m service`: serve until SIGTERM, then drain and end with status 0."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import ValidationError

from service import logs
from service.errors import RelightError
from service.settings import Settings, settings_table

_KEEP_ALIVE_S: Final = 75  # longer than the idle timeout of the usual proxies
_GRACE_S: Final = 5.0  # beyond the last request's deadline


class _Server(uvicorn.Server):
    """A server that leaves the signals to `serve`, as two share one process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m service", description=__doc__)
    parser.add_argument(
        "--print-settings", action="store_true", help="print every RELIGHT_* setting and leave"
    )
    if parser.parse_args().print_settings:
        print(settings_table())
        return 0
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"])
            print(f"settings: {name} {problem['msg']}", file=sys.stderr)
        return 2
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
    logs.configure(settings.log_level)
    try:
        app = create_app(settings)
        uvloop.run(serve(app, create_ops_app(app), settings))
    except RelightError as error:
        print(f"cannot serve: {error}", file=sys.stderr)
        return 1
    return 0


async def serve(app: FastAPI, ops_app: FastAPI, settings: Settings) -> None:
    """Serve the API and, on the second port, probes and metrics, until a signal ends it.

    The second port opens first, so that probes are answered while the models load. The
    first signal turns `/readyz` to 503; after `drain_s` more, in which everything is still
    served, the API stops listening and what was admitted is finished. A second signal
    ends the waiting.
    """
    api_server = _server(app, settings.host, settings.port, settings)
    ops_server = _server(ops_app, settings.host, settings.ops_port, settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if app.state.lifecycle.draining:
            api_server.should_exit = api_server.force_exit = True
        app.state.lifecycle.draining = True
        stop.set()

    async def drain() -> None:
        await stop.wait()
        await asyncio.sleep(settings.drain_s)  # until no load balancer sends any more
        api_server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    probes = asyncio.create_task(ops_server.serve())
    try:
        async with app.router.lifespan_context(app):
            draining = asyncio.create_task(drain())
            await api_server.serve()
            draining.cancel()
    finally:
        ops_server.should_exit = True
        await probes


def _server(app: FastAPI, host: str, port: int, settings: Settings) -> _Server:
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        loop="uvloop",
        lifespan="off",  # `serve` runs it, so that a failure is an exception like any other
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=round(settings.request_timeout_ms / 1e3 + _GRACE_S),
    )
    return _Server(config)


if __name__ == "__main__":
    sys.exit(main())
