"""The commands: their arguments, output and exit status."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from relight.atomic import replacing
from relight.cli.connection import CannotStart, Key, Url, connected, what_to_install
from relight.cli.folder import Journal, PhotoOutcome, photos_in, relight_folder
from relight.cli.options import takes_options
from relight.cli.output import explained, failures, show_models, show_summary
from relight.cli.output_names import READ_ONLY, SUFFIXES, beside
from relight.cli.turntable import NUM_FRAMES, make_turntable, read_scene
from relight.client import Catalogue, Maps, Relit
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


@app.command()
def serve() -> None:
    """Serve over HTTP until SIGTERM or Ctrl-C; RELIGHT_* variables are the settings."""
    try:
        from service.__main__ import main as run  # noqa: PLC0415 - a caller has not installed it
    except ModuleNotFoundError as error:
        raise CannotStart(what_to_install(error)) from None
    raise typer.Exit(run([]))


@app.command()
@takes_options
def image(
    photo: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", dir_okay=False, help="file for the relit photo; by default PHOTO-relit"
        ),
    ] = None,
    turntable: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="write an animation (.webp or .gif) of a moving lamp instead"
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="relight only where this is white"),
    ] = None,
    depth: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="depth map to use instead of the model's"),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="photo whose light to apply"),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="allow replacing the photo itself, or an existing PHOTO-relit"
        ),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="print the marks that the relit photo carries")
    ] = False,
    url: Url = None,
    key: Key = None,
    options: Options,
) -> None:
    """Relight one photo, or animate it while a lamp moves round it."""
    if out is not None and turntable is not None:
        raise CannotStart("give either -o or --turntable")
    if reference is not None and turntable is not None:
        raise CannotStart(
            "--reference does not go with --turntable: it says where the light comes from"
        )
    path = out or turntable or beside(photo, options.get("format"))
    if "format" not in options and turntable is None:
        options["format"] = _format_of(path)  # type: ignore[typeddict-item]
    if not overwrite and path.exists():
        if path.samefile(photo):
            raise CannotStart(f"{path} is the photo itself: add --overwrite, or give another name")
        if not (out or turntable):
            raise CannotStart(f"{path} exists: add --overwrite, or give a name with -o")
    path.parent.mkdir(parents=True, exist_ok=True)

    async def run() -> Relit:
        async with connected(url, key, timeout_s=120.0) as client:
            return await client.relight(
                photo, mask=mask, depth=depth, reference=reference, **options
            )

    started_s = time.monotonic()
    if turntable is not None:
        scene = read_scene(photo, mask=mask, depth=depth)
        data, relit = make_turntable(scene, path, url=url, key=key, options=options)
        summary = f"{NUM_FRAMES} frames"
    else:
        relit = asyncio.run(run())
        data, summary = relit.data, str(relit.light)
    with replacing(path) as file:
        file.write(data)
    typer.echo(f"{path}: {summary} by {relit.model}, {time.monotonic() - started_s:.1f} s")
    if explain:
        typer.echo(explained(relit))


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
    all photos are redone if the options have changed.
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
    outcomes: list[PhotoOutcome] = []
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
        async with connected(url, key, timeout_s=timeout, max_retries=_NUM_RETRIES) as client:
            _check(options, await client.models())
            bar = progress.add_task("relighting", total=len(photos), completed=num_before, failed=0)

            def observe(outcome: PhotoOutcome) -> None:
                outcomes.append(outcome)
                progress.update(bar, advance=1, failed=len(failures(outcomes)))

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
            failed = failures(outcomes)
            counts = {
                "relit": len(outcomes) - len(failed),
                "already there": num_before,
                "failed": len(failed),
                "not tried": len(left) - len(outcomes),
                "photos": len(photos),
            }
            show_summary(counts, failed, time.monotonic() - started_s)
    if failures(outcomes) or unreadable:
        raise typer.Exit(1)


@app.command()
def maps(
    photo: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    *,
    out: Annotated[
        Path, typer.Option("-o", "--out", dir_okay=False, help="ZIP archive for the maps")
    ],
    model: Annotated[
        str | None, typer.Option(help="a name from `relight models`; by default one that fits")
    ] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Read normals, depth, albedo and shading from one photo, as 16-bit PNG files."""
    if out.suffix.lower() != ".zip":
        raise CannotStart(f"-o {out}: the name must end in .zip")
    out.parent.mkdir(parents=True, exist_ok=True)

    async def run() -> Maps:
        async with connected(url, key, timeout_s=120.0) as client:
            return await client.maps(photo, model=model)

    made = asyncio.run(run())
    with replacing(out) as file:
        file.write(made.archive)
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
        async with connected(url, key, timeout_s=30.0) as client:
            return await client.models()

    offered = asyncio.run(run())
    if as_json:
        typer.echo(json.dumps(offered, indent=2))
        return
    show_models(offered)


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
    writable = {
        suffix: media_type
        for media_type, suffixes in SUFFIXES.items()
        if media_type not in READ_ONLY
        for suffix in suffixes
    }
    if out.suffix.lower() not in writable:
        raise CannotStart(f"-o {out}: the name must end in one of {', '.join(writable)}")
    return writable[out.suffix.lower()].removeprefix("image/")


def main() -> None:
    """Run a command; an expected failure prints one line and exits with status 1."""
    try:
        app()
    except (CannotStart, RelightError, OSError) as error:
        allowed = error.allowed if isinstance(error, InvalidOption) else ()
        hint = f" (allowed: {', '.join(allowed)})" if allowed else ""
        typer.echo(f"error: {error}{hint}", err=True)
        sys.exit(1)
