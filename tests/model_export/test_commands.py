"""The research half as its user types it: fuse, train, evaluate, export."""

import dataclasses
import re

import onnxruntime
import pytest
from typer.testing import CliRunner

from model_export import __main__ as commands
from model_export.checkpoint import load, save
from service.contract import ModelContract
from service.lights import Light

TRAINING = ("--architecture", "drn-xs", "--held-out", 1, "--minutes", 1e-9)


def run(*arguments):
    return CliRunner().invoke(commands.app, [str(argument) for argument in arguments])


@pytest.fixture
def trained(folder, tmp_path):
    out = tmp_path / "run"
    result = run("train", folder.root, out, *TRAINING)
    assert result.exit_code == 0, result.output
    return out / "drn-xs.pt"


def test_a_run_of_no_time_takes_one_step_and_says_how_to_go_on(folder, trained):
    assert load(trained).provenance["steps.scene_reconversion"] == 1
    again = run("train", folder.root, trained.parent, *TRAINING)
    assert again.exit_code == 2
    assert "--resume" in again.output
    resumed = run("train", folder.root, trained.parent, *TRAINING, "--resume")
    assert "stopped" in resumed.output
    assert load(trained).provenance["steps.scene_reconversion"] == 2


def test_a_recorded_score_travels_into_the_exported_file(folder, trained, tmp_path):
    sheet = tmp_path / "sheet.png"
    result = run(
        *("evaluate", trained, folder.root, "--held-out", 1, "--size-px", 64),
        *("--sheet", sheet, "--record"),
    )
    assert re.search(r"\| unchanged input \| 7 \|", result.output), result.output
    assert sheet.exists()
    _make_fainter(trained)
    out = tmp_path / "model.onnx"
    exported = run("export", trained, "-o", out)
    assert exported.exit_code == 0, exported.output
    session = onnxruntime.InferenceSession(out)
    contract = ModelContract.from_metadata(session.get_modelmeta().custom_metadata_map)
    assert contract.lights == (Light("E", 4500),)
    assert contract.metrics["psnr_db"] == load(trained).provenance["metrics.psnr_db"]
    on_onnx = run("evaluate", out, folder.root, "--held-out", 1, "--size-px", 64)
    assert "| model | 7 |" in on_onnx.output


def _make_fainter(path):
    """An untrained network amplifies roundings; a fainter picture of it keeps the bounds."""
    checkpoint = load(path)
    weights = dict(checkpoint.weights)
    weights["rerenderer.paint.0.weight"] = weights["rerenderer.paint.0.weight"] * 0.05
    save(path, dataclasses.replace(checkpoint, weights=weights))


def test_an_expected_failure_is_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["model_export", "fuse", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        commands.main()
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("error: ")
