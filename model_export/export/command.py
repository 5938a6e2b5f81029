"""The commands `export` and `import-checkpoint`: from checkpoints to ONNX files, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from model_export.checkpoint import load
from model_export.export.official_checkpoint import import_official_checkpoint
from model_export.export.pair_writer import export_pair
from model_export.export.writer import export_onnx
from model_export.geometry_checkpoint import is_geometry, load_geometry
from service.contract.checksum import sha256_of


def export_command(
    checkpoint: Annotated[Path, typer.Argument(help="a .pt checkpoint")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the .onnx to write")],
    *,
    version: str = "0.1.0",
    failures: Annotated[
        Path | None, typer.Option(help="picture for the card, from `evaluate --failures`")
    ] = None,
) -> None:
    """Write the ONNX files and their model card, and check them against PyTorch."""
    if is_geometry(checkpoint):
        pair = export_pair(load_geometry(checkpoint), sha256_of([checkpoint]), out, version=version)
        typer.echo(f"{out.parent / out.stem}.scene.onnx, .light.onnx: {pair.name} {pair.version}")
        return
    contract = export_onnx(
        load(checkpoint),
        sha256_of([checkpoint]),
        out,
        name=out.stem,
        version=version,
        failures=failures,
    )
    typer.echo(f"{out}: {contract.name} {contract.version}")


def import_checkpoint_command(
    published: Annotated[Path, typer.Argument(help="the authors' latest_net_G.pth")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the checkpoint to write")],
) -> None:
    """Read the DRN authors' released weights."""
    import_official_checkpoint(published, out)
    typer.echo(f"{out}: all weights imported")
