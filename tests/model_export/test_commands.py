"""The research half as its user types it: fuse, train, evaluate, export."""

import dataclasses
import re
import shutil
import zipfile

import onnxruntime
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from model_export import __main__ as commands
from model_export.checkpoint import load, save
from model_export.config import CONFIGS, DEFAULT
from model_export.scenes import RECIPE
from model_export.training.comparison import METHODS
from service.contract.metadata import ModelContract
from tests.model_export.tiny import TINY

TRAINING = ("--held-out", 1, "--minutes", 1e-9)


@pytest.fixture(autouse=True, scope="module")
def tiny_training():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CONFIGS, "default", TINY)
        yield


def run(*arguments):
    return CliRunner().invoke(commands.app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def first_run(fused_root, tmp_path_factory):
    out = tmp_path_factory.mktemp("first") / "run"
    result = run("train", fused_root, out, *TRAINING)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def trained(folder, first_run, tmp_path):
    """The checkpoint of a run on `folder`: a copy, which a test may change."""
    return shutil.copytree(first_run, tmp_path / "run") / "drn-xs.pt"


def test_a_run_of_no_time_takes_one_step_and_explains_how_to_continue(folder, trained):
    assert load(trained).provenance["steps.scene_reconversion"] == 1
    again = run("train", folder.root, trained.parent, *TRAINING)
    assert again.exit_code == 2
    assert "--resume" in again.output
    resumed = run("train", folder.root, trained.parent, *TRAINING, "--resume")
    assert "stopped" in resumed.output
    assert load(trained).provenance["steps.scene_reconversion"] == 2


def test_a_training_begins_at_a_stage_goes_half_as_long_and_keeps_its_pictures(folder, tmp_path):
    given = ("--held-out", 1, "--first-stage", "finish", "--length", 0.5, "--keep-pictures")
    result = run("train", folder.root, tmp_path / "run", *given)
    assert result.exit_code == 0, result.output
    provenance = load(tmp_path / "run" / "drn-xs.pt").provenance
    steps = {name: value for name, value in provenance.items() if name.startswith("steps.")}
    assert steps == {"steps.finish": 1}


def test_the_mean_of_two_runs_is_a_checkpoint_that_names_them(folder, trained, tmp_path):
    first = tmp_path / trained.name  # as two runs leave it, each in its folder
    first.write_bytes(trained.read_bytes())
    run("train", folder.root, trained.parent, *TRAINING, "--resume")
    out = tmp_path / "mean.pt"
    result = run("average", first, trained, "-o", out)
    assert result.exit_code == 0, result.output
    assert load(out).provenance["mean_of"] == "drn-xs.pt, drn-xs.pt"
    weights = zip(*(load(path).weights.values() for path in (out, first, trained)), strict=True)
    for mean, before, after in weights:
        torch.testing.assert_close(mean, (before + after) / 2)


def test_a_recorded_score_travels_into_the_exported_file(folder, trained, tmp_path):
    sheet, failures = tmp_path / "sheet.png", tmp_path / "failures.png"
    data = (folder.root, "--held-out", 1, "--size-px", 64)
    result = run("evaluate", trained, *data, "--sheet", sheet, "--failures", failures, "--record")
    assert re.search(r"\| unchanged input \|  \| 0 \| 7 \|", result.output), result.output
    assert sheet.exists()
    _make_fainter(trained)
    out = tmp_path / "model.onnx"
    exported = run("export", trained, "-o", out, "--failures", failures)
    assert exported.exit_code == 0, exported.output
    assert "](model.failures.jpg)" in out.with_suffix(".md").read_text()
    with Image.open(out.with_suffix(".failures.jpg")) as picture, Image.open(failures) as drawn:
        assert picture.size == drawn.size
    session = onnxruntime.InferenceSession(out)
    contract = ModelContract.from_metadata(session.get_modelmeta().custom_metadata_map)
    assert contract.lights == DEFAULT.lights
    assert contract.metrics["psnr_db"] == load(trained).provenance["metrics.psnr_db"]
    assert f"E-4500 already, R / G / B: {contract.metrics['cast_rgb']}" in result.output
    assert contract.softness_px == load(trained).provenance["softness_px"]
    on_onnx = run("evaluate", out, folder.root, "--held-out", 1, "--size-px", 64)
    assert re.search(r"\| model \|  \| \d+ \| 7 \|", on_onnx.output)


def test_a_comparison_is_trained_in_several_runs_and_measured_in_one_table(
    folder, tmp_path, monkeypatch
):
    for name in ("u-net", "drn"):
        config = METHODS[name]
        tiny = dataclasses.replace(config, architecture=f"{name}-xs", discriminator_width=2)
        monkeypatch.setitem(METHODS, name, tiny)
    out, held_out = tmp_path / "comparison", ("--held-out", 1)
    given = ("--methods", "u-net,drn", "--steps", 4, "--size-px", 32, "--batch-size", 1)
    first = run("compare", folder.root, out, *given, *held_out, "--minutes", 1e-9)
    assert "stopped in u-net" in first.output
    again = run("compare", folder.root, out, *given, *held_out)
    assert again.exit_code == 2
    assert "--resume" in again.output
    rest = run("compare", folder.root, out, *given, *held_out, "--resume")
    assert rest.exit_code == 0, rest.output
    assert "done" in rest.output
    steps = load(out / "drn" / "drn-xs.pt").provenance
    assert sum(value for name, value in steps.items() if name.startswith("steps.")) == 4
    table = run("evaluate", out, folder.root, *held_out, "--size-px", 32).output
    rows = re.findall(r"^\| ([\w -]+) \|.*\| 7 \|", table, re.MULTILINE)
    assert rows == ["unchanged input", "color-transfer", "u-net-xs", "drn-xs"]
    assert "LPIPS is left out" in table
    refused = run("export", out / "u-net" / "u-net-xs.pt", "-o", tmp_path / "u-net.onnx")
    assert "only DRN is exported" in str(refused.exception)


def test_an_archive_is_measured_as_it_was_downloaded(trained, tmp_path):
    archive = tmp_path / "AIM2020_track1_validation.zip"
    truth = tmp_path / "AIM2020_track1_validation_gt.zip"
    for path, folder, light in ((archive, "validation", "N"), (truth, "validation_gt", "E")):
        pictures = sorted(trained.parents[1].glob(f"vidit/Image*_4500_{light}.png"))
        with zipfile.ZipFile(path, "w") as file:
            for number, picture in enumerate(pictures):
                file.write(picture, f"{folder}/Image{number:03d}.png")
    given = ("--ground-truth", truth, "--size-px", 32)
    result = run("evaluate", trained, archive, *given)
    assert re.search(r"\| drn-xs \|.*\| 4 \|", result.output), result.output


def _make_fainter(path):
    """An untrained network amplifies roundings; a fainter picture of it keeps the bounds."""
    checkpoint = load(path)
    weights = dict(checkpoint.weights)
    weights["rerenderer.paint.0.weight"] = weights["rerenderer.paint.0.weight"] * 0.05
    save(path, dataclasses.replace(checkpoint, weights=weights))


@pytest.mark.parametrize(
    "arguments",
    [
        ("fuse", "{empty}"),
        ("import-checkpoint", "{empty}/missing.pth", "-o", "{empty}/out.pt"),
        ("export", "{root}/Image000_4500_N.png", "-o", "{empty}/out.onnx"),
        ("train", "{root}", "{empty}/run", "--held-out", "1", "--resume"),
        ("train", "{root}", "{empty}/run", "--held-out", "4"),
        ("train", "{root}", "{empty}/run", "--architecture", "drn-m"),
        ("train", "{root}", "{empty}/run", "--first-stage", "polish"),
        ("train", "{root}", "{empty}/run", "--held-out", "1", "--trained-on", ""),
        ("train", "{root}", "{run}", "--held-out", "2", "--resume"),
        ("train", "{root}", "{run}", "--held-out", "1", "--resume", "--architecture", "drn-s"),
        ("evaluate", "{run}/drn-xs.pt", "{root}", "--light", "east"),
        ("evaluate", "{empty}", "{root}", "--held-out", "1"),
        ("evaluate", "{run}/drn-xs.pt", "{empty}/VIDIT_train.zip", "--held-out", "1"),
        ("compare", "{root}", "{empty}/out", "--held-out", "1", "--methods", "drn,gan"),
        ("compare", "{root}", "{empty}/out", "--held-out", "1"),  # its size: 128 px
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[3:]),
)
def test_an_expected_failure_is_one_line_and_status_2(
    arguments, folder, trained, tmp_path, monkeypatch, capsys
):
    (tmp_path / "empty").mkdir()
    places = {"empty": tmp_path / "empty", "root": folder.root, "run": trained.parent}
    if "--trained-on" in arguments:  # other data than ours must say what they are
        (folder.root / RECIPE).unlink()
        arguments = arguments[:-2]
    monkeypatch.setattr("sys.argv", ["model_export", *(a.format(**places) for a in arguments)])
    with pytest.raises(SystemExit) as stop:
        commands.main()
    assert stop.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_picture_set_without_a_recipe_is_trained_on_when_it_is_described(folder, tmp_path):
    (folder.root / RECIPE).unlink()
    given = ("--trained-on", "scenes of VIDIT", "--weights-license", "CC-BY-NC-4.0")
    result = run("train", folder.root, tmp_path / "run", *TRAINING, *given)
    assert result.exit_code == 0, result.output
    provenance = load(tmp_path / "run" / "drn-xs.pt").provenance
    assert provenance["trained_on"] == "3 scenes of VIDIT"
    assert provenance["license"] == "CC-BY-NC-4.0"
