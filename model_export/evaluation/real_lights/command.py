"""The command `evaluate-real`: methods on real photos of one scene under known lamps."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from model_export.evaluation.real_lights.contact import write_contact_sheet
from model_export.evaluation.real_lights.evenness import even_pictures
from model_export.evaluation.real_lights.measuring import measure
from model_export.evaluation.real_lights.methods import RAMP, UNCHANGED
from model_export.evaluation.real_lights.model_files import open_model_files
from model_export.evaluation.real_lights.report import as_json, as_tables
from model_export.evaluation.real_lights.sets import read_sets


def evaluate_real_command(
    folder: Annotated[Path, typer.Argument(help="a folder per set: lights.json, PNGs, mask.png")],
    *,
    model: Annotated[list[Path] | None, typer.Option(help="an .onnx file; may be repeated")] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="a set to leave out; may be repeated")
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="use E, W and S even if a model takes any direction")
    ] = False,
    softness: Annotated[
        float | None, typer.Option(help="of the lamps; by default the model's own")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="write a contact sheet here")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="write every figure here")] = None,
) -> None:
    """Measure models on real photos, beside the unchanged photo and a plain brightness ramp."""
    methods = [UNCHANGED, RAMP, *open_model_files(model or [])]
    if plain:
        methods = [dataclasses.replace(method, takes_any_light=False) for method in methods]
    sets = read_sets(folder, without or [])
    results = measure(sets, methods, even_pictures(), softness=softness)
    typer.echo(as_tables(results))
    if json_out:
        json_out.write_text(json.dumps(as_json(results), indent=1))
    if sheet:
        write_contact_sheet(sheet, read_sets(folder, without or []), methods[1:], softness=softness)
