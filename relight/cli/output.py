"""Prints the results of a command: tables, and the marks of a relit photo."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import typer
from rich.console import Console
from rich.table import Table

from relight.cli.folder import PhotoOutcome
from relight.client import Catalogue, Relit


def show_models(offered: Catalogue) -> None:
    """Print a table of the lights and their models."""
    table = Table("light", "model", "version", "trained at", "licence")
    about = {model["name"]: model for model in offered["models"]}
    for light in offered["lights"]:
        model = about[light["model"]]
        how = f"{model['name']}, mirrored" if light["mirrored"] else model["name"]
        table.add_row(
            light["light"], how, model["version"], f"{model['size_px']} px", model["license"]
        )
    Console().print(table)


def explained(relit: Relit) -> str:
    """Return the marks that a relit photo carries, one line for each kind."""
    mark = relit.digital_source_type
    marked = f"edited with AI (IPTC DigitalSourceType {mark})" if mark else "none"
    credentials = relit.content_credentials or "unknown"
    if credentials == "dropped":
        credentials = "dropped (the photo's C2PA manifest does not fit the relit file)"
    return f"mark: {marked}\ncontent credentials: {credentials}"


def failures(outcomes: Sequence[PhotoOutcome]) -> Sequence[PhotoOutcome]:
    """Return the outcomes of the photos that failed."""
    return [outcome for outcome in outcomes if outcome.error is not None]


def show_summary(
    counts: Mapping[str, int], failed: Sequence[PhotoOutcome], duration_s: float
) -> None:
    """Print the number of photos per outcome, and each failure."""
    table = Table(*counts, "seconds")
    table.add_row(*map(str, counts.values()), f"{duration_s:.1f}")
    Console().print(table)
    for outcome in sorted(failed, key=lambda outcome: outcome.photo.name):
        name = os.fsencode(outcome.photo.name).decode(errors="replace")  # it may be no UTF-8
        typer.echo(f"failed: {name}: {outcome.error}")
