"""The commands of training and export: `python -m model_export COMMAND --help`.

render -> fuse -> train -> evaluate -> export
"""

from __future__ import annotations

import sys
from typing import Final

import typer

from model_export.checkpoint import CheckpointError
from model_export.data.command import fuse_command
from model_export.evaluation.color_transfer import NotColorTransfer
from model_export.evaluation.command import evaluate_command
from model_export.evaluation.lpips import NotLpips
from model_export.evaluation.methods import LightNotRendered
from model_export.evaluation.photo_sheet import sheet_command
from model_export.evaluation.real_lights.command import evaluate_real_command
from model_export.evaluation.real_lights.diagnosis import diagnose_command
from model_export.export.command import export_command, import_checkpoint_command
from model_export.export.parity import ParityError
from model_export.scenes.command import maps_command, render_command
from model_export.training.command import average_command, compare_command, train_command
from model_export.training.geometry.diagnosis import diagnose_rendered_command
from model_export.training.loop import RunMismatch
from model_export.training.losses import NotVgg
from relight.errors import ImageError, ModelRefused

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

app.command(name="render")(render_command)
app.command(name="maps")(maps_command)
app.command(name="fuse")(fuse_command)
app.command(name="train")(train_command)
app.command(name="compare")(compare_command)
app.command(name="average")(average_command)
app.command(name="evaluate")(evaluate_command)
app.command(name="evaluate-real")(evaluate_real_command)
app.command(name="diagnose")(diagnose_command)
app.command(name="diagnose-rendered")(diagnose_rendered_command)
app.command(name="sheet")(sheet_command)
app.command(name="export")(export_command)
app.command(name="import-checkpoint")(import_checkpoint_command)

EXPECTED: Final = (
    CheckpointError,
    ImageError,
    LightNotRendered,
    ModelRefused,
    NotColorTransfer,
    NotLpips,
    NotVgg,
    OSError,
    ParityError,
    RunMismatch,
)


def main() -> None:
    """Run a command; an expected failure prints one line and exits with code 2."""
    try:
        app()
    except EXPECTED as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
