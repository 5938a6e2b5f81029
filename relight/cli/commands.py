"""The commands: their arguments, output and exit status."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from relight.cli.folder import (
    Journal,
    Outcome,
    Relighting,
    photos_in,
    relight_folder,
    replace_file,
)
from relight.cli.options import takes_options
from relight.cli.output_names import SUFFIXES
from relight.client import AsyncClient, Catalogue, Maps, Relit
from relight.errors import InvalidOption, RelightError
from relight.options import Options

_INTERRUPTED: Final = 130  # the shell's convention
_NUM_RETRIES: Final = 1000  # the time limit of a photo is the bound

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Relight photos: light from another direction, at another colour temperature.",
)


class CannotStart(Exception):
    """A requirement of the command is missing or wrong; the text names it."""


Url = Annotated[
    str | None,
    typer.Option(envvar="RELIGHT_URL", help="address of a service; default: work in this process"),
]
Key = Annotated[str | None, typer.Option(envvar="RELIGHT_KEY", help="API key for the service")]


@app.command()
def serve() -> None:
    """Serve over HTTP until SIGTERM or Ctrl-C; RELIGHT_* variables are the settings."""
    try:
        from service.__main__ import main as run  # noqa: PLC0415 - a caller has not installed it
    except ModuleNotFoundError as error:
        raise CannotStart(_what_to_install(error)) from None
    raise typer.Exit(run([]))


@app.command()
@takes_options
def image(
    photo: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    *,
    out: Annotated[
        Path, typer.Option("-o", "--out", dir_okay=False, help="file for the relit photo")
    ],
    mask: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="white where to relight; else everywhere"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="let it take the place of the photo itself")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="print what the relit photo says about itself")
    ] = False,
    url: Url = None,
    key: Key = None,
    options: Options,
) -> None:
    """Relight one photo."""
    if "format" not in options:
        options["format"] = _format_of(out)  # type: ignore[typeddict-item]
    if not overwrite and out.exists() and out.samefile(photo):
        raise CannotStart(f"-o {out} is the photo itself: add --overwrite, or give another name")
    out.parent.mkdir(parents=True, exist_ok=True)

    async def run() -> Relit:
        async with _connected(url, key, timeout_s=120.0) as client:
            return await client.relight(photo, mask=mask, **options)

    started_s = time.monotonic()
    relit = asyncio.run(run())
    replace_file(out, relit.data)
    typer.echo(f"{out}: {relit.light} by {relit.model}, {time.monotonic() - started_s:.1f} s")
    if explain:
        typer.echo(_explained(relit))


@app.command()
@takes_options
def folder(
    source: Annotated[Path, typer.Argument(metavar="IN", exists=True, file_okay=False)],
    out: Annotated[Path, typer.Argument(metavar="OUT", file_okay=False)],
    *,
    url: Url = None,
    key: Key = None,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="number of photos at once")] = 4,
    timeout: Annotated[
        float, typer.Option(min=1, help="seconds per photo, including retries")
    ] = 300.0,
    options: Options,
) -> None:
    """Relight all photos of a folder, subfolders included.

    Ctrl-C stops it at any time. Run it again to relight photos that are new, changed or failed;
    all photos are redone if the options changed.
    """
    if out.exists() and out.samefile(source):
        raise CannotStart("OUT must be another folder than IN")
    unreadable: list[OSError] = []
    photos = photos_in(source, out, unreadable.append)
    for error in unreadable:
        typer.echo(f"not read: {error.filename}: {error.strerror}", err=True)
    if not photos:
        raise CannotStart(f"no photos in {source}")
    journal = Journal(out, options, photos)
    left = [photo for photo in photos if not journal.is_done(photo)]
    outcomes: list[Outcome] = []
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]} failed"),
        console=Console(stderr=True),
    )
    num_before = len(photos) - len(left)

    async def run() -> None:
        async with _connected(url, key, timeout_s=timeout, max_retries=_NUM_RETRIES) as client:
            _check(options, await client.models())
            bar = progress.add_task("relighting", total=len(photos), completed=num_before, failed=0)

            def observe(outcome: Outcome) -> None:
                outcomes.append(outcome)
                progress.update(bar, advance=1, failed=len(_failed(outcomes)))

            await relight_folder(client, left, journal, num_jobs=jobs, observe=observe)

    started_s = time.monotonic()
    try:
        with progress:
            if left:
                asyncio.run(run())
    except KeyboardInterrupt:
        typer.echo("stopped; run the same command to continue", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    finally:
        if progress.tasks or not left:
            failed = _failed(outcomes)
            counts = {
                "relit": len(outcomes) - len(failed),
                "already there": num_before,
                "failed": len(failed),
                "not tried": len(left) - len(outcomes),
                "photos": len(photos),
            }
            _tell(counts, failed, time.monotonic() - started_s)
    if _failed(outcomes) or unreadable:
        raise typer.Exit(1)


@app.command()
def maps(
    photo: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    *,
    out: Annotated[
        Path, typer.Option("-o", "--out", dir_okay=False, help="ZIP archive for the maps")
    ],
    model: Annotated[
        str | None, typer.Option(help="a name from `relight models`; else one that fits")
    ] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Read normals, depth, albedo and shading from one photo, as 16-bit PNG files."""
    if out.suffix.lower() != ".zip":
        raise CannotStart(f"-o {out}: the name must end in .zip")
    out.parent.mkdir(parents=True, exist_ok=True)

    async def run() -> Maps:
        async with _connected(url, key, timeout_s=120.0) as client:
            return await client.maps(photo, model=model)

    made = asyncio.run(run())
    replace_file(out, made.archive)
    typer.echo(f"{out}: {', '.join(made.pictures)} by {made.model}")


@app.command()
def models(
    *,
    url: Url = None,
    key: Key = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print the complete catalogue as JSON")
    ] = False,
) -> None:
    """List the available lights and their models."""

    async def run() -> Catalogue:
        async with _connected(url, key, timeout_s=30.0) as client:
            return await client.models()

    offered = asyncio.run(run())
    if as_json:
        typer.echo(json.dumps(offered, indent=2))
        return
    table = Table("light", "model", "version", "trained at", "licence")
    about = {model["name"]: model for model in offered["models"]}
    for light in offered["lights"]:
        model = about[light["model"]]
        how = f"{model['name']}, mirrored" if light["mirrored"] else model["name"]
        table.add_row(
            light["light"], how, model["version"], f"{model['size_px']} px", model["license"]
        )
    Console().print(table)


def _connected(
    url: str | None, key: str | None, *, timeout_s: float, max_retries: int = 5
) -> AbstractAsyncContextManager[Relighting]:
    """Return a client of a service, or the models of this machine."""
    if url is not None:
        try:
            return AsyncClient(url, key=key, timeout_s=timeout_s, max_retries=max_retries)
        except ValueError as error:
            raise CannotStart(f"--url: {error}") from None
    try:
        from relight.cli.local import LocalClient  # noqa: PLC0415 - a caller has not installed it
        from service.settings import InvalidSettings, read_settings  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise CannotStart(f"{_what_to_install(error)}; or use a service with --url") from None
    try:
        return LocalClient(read_settings())
    except InvalidSettings as error:
        raise CannotStart(str(error)) from None


def _what_to_install(error: ModuleNotFoundError) -> str:
    if (error.name or "").startswith("service"):
        raise error
    return f"{error.name} is missing: install relight[cpu], or relight[gpu] for NVIDIA GPUs"


def _explained(relit: Relit) -> str:
    """Return what a relit photo says about itself, one line for each kind of mark."""
    mark = relit.digital_source_type
    marked = f"edited with AI (IPTC DigitalSourceType {mark})" if mark else "none"
    credentials = relit.content_credentials or "unknown"
    if credentials == "dropped":
        credentials = "dropped (the photo's C2PA manifest does not fit the relit file)"
    return f"mark: {marked}\ncontent credentials: {credentials}"


def _check(options: Options, offered: Catalogue) -> None:
    """Refuse, before the first photo, options that would be refused for each."""
    light = options.get("light")
    direction = str(light).partition("-")[0] if light else options.get("direction", "E")
    if direction not in offered["directions"]:
        raise InvalidOption(
            f"no model relights from {direction}",
            option="direction",
            allowed=tuple(offered["directions"]),
        )
    names = tuple(model["name"] for model in offered["models"])
    if options.get("model", names[0]) not in names:
        raise InvalidOption(
            f"there is no model {options['model']!r}", option="model", allowed=names
        )


def _format_of(out: Path) -> str:
    known = {s: kind for kind, suffixes in SUFFIXES.items() for s in suffixes if s[:3] != ".he"}
    if out.suffix.lower() not in known:
        raise CannotStart(f"-o {out}: the name must end in one of {', '.join(known)}")
    return known[out.suffix.lower()].removeprefix("image/")


def _failed(outcomes: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.error is not None]


def _tell(counts: dict[str, int], failed: list[Outcome], duration_s: float) -> None:
    table = Table(*counts, "seconds")
    table.add_row(*map(str, counts.values()), f"{duration_s:.1f}")
    Console().print(table)
    for outcome in sorted(failed, key=lambda outcome: outcome.photo.name):
        name = os.fsencode(outcome.photo.name).decode(errors="replace")  # it may be no UTF-8
        typer.echo(f"failed: {name}: {outcome.error}")


def main() -> None:
    """Run a command; an expected failure prints one line and exits with status 1."""
    try:
        app()
    except (CannotStart, RelightError, OSError) as error:
        allowed = error.allowed if isinstance(error, InvalidOption) else ()
        hint = f" (allowed: {', '.join(allowed)})" if allowed else ""
        typer.echo(f"error: {error}{hint}", err=True)
        sys.exit(1)
