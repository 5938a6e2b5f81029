"""Connects a command to a service at an address, or to the models of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Annotated

import typer

from relight.cli.folder import Relighting
from relight.client import AsyncClient


class CannotStart(Exception):
    """A requirement of the command is missing or wrong; the text names it."""


Url = Annotated[
    str | None,
    typer.Option(envvar="RELIGHT_URL", help="address of a service; default: work in this process"),
]
Key = Annotated[str | None, typer.Option(envvar="RELIGHT_KEY", help="API key for the service")]


def connected(
    url: str | None,
    key: str | None,
    *,
    timeout_s: float,
    max_retries: int = 5,
    repeats: bool = False,
) -> AbstractAsyncContextManager[Relighting]:
    """Return a client of a service, or the models of this machine.

    Args:
        url: address of the service; None to work in this process.
        key: for the service.
        timeout_s: limit of each call to it.
        max_retries: of each call to it.
        repeats: whether one photo is relit many times: this process then keeps its scene.
    """
    if url is not None:
        try:
            return AsyncClient(url, key=key, timeout_s=timeout_s, max_retries=max_retries)
        except ValueError as error:
            raise CannotStart(f"--url: {error}") from None
    with in_this_process():
        from relight.cli.local import LocalClient  # noqa: PLC0415 - a caller has not installed it
        from service.settings import read_settings  # noqa: PLC0415

        return LocalClient(read_settings(), repeats=repeats)


@contextmanager
def in_this_process() -> Iterator[None]:
    """Import and use the service's packages in the block.

    Raises:
        CannotStart: one is not installed, or a setting is invalid.
    """
    try:
        from service.settings import InvalidSettings  # noqa: PLC0415

        try:
            yield
        except InvalidSettings as error:
            raise CannotStart(str(error)) from None
    except ModuleNotFoundError as error:
        raise CannotStart(f"{what_to_install(error)}; or use a service with --url") from None


def what_to_install(error: ModuleNotFoundError) -> str:
    """Name the extra that holds a missing package; raise the error if it is our own module."""
    if (error.name or "").startswith("service"):
        raise error
    return f"{error.name} is missing: install relight[cpu], or relight[gpu] for NVIDIA GPUs"
