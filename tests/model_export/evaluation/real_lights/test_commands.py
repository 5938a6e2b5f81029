"""Real lights and ordinary photos as their user types them."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from model_export import __main__ as commands
from model_export.evaluation.real_lights.lamps import RING
from model_export.evaluation.real_lights.model_files import open_model_files
from service.app import create_app
from service.settings import Settings
from tests import http_client as http
from tests.model_export.evaluation.real_lights.ramp_model import write_ramp_model
from tests.model_export.evaluation.real_lights.spheres import write_set
from tests.service.stand_ins import encoded, serving, write_model


def run(*arguments):
    return CliRunner().invoke(commands.app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    write_set(root, "sphere")
    write_set(root, "unmasked", masked=False)
    return root


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_ramp_model(tmp_path_factory.mktemp("models") / "tiny.onnx")


def test_a_model_is_measured_beside_the_unchanged_photo_and_a_ramp(sets, model, tmp_path):
    sheet, figures = tmp_path / "sheet.png", tmp_path / "figures.json"
    result = run("evaluate-real", sets, "--model", model, "--sheet", sheet, "--json", figures)
    assert result.exit_code == 0, result.output
    assert re.search(r"^\| sphere \|", result.stdout, re.MULTILINE)
    assert "|  | unchanged | ramp | tiny |" in result.stdout
    methods = json.loads(figures.read_text())
    assert [method["name"] for method in methods] == ["unchanged", "ramp", "tiny"]
    tiny = methods[-1]["figures"]
    assert tiny["direction"]["value"] > 0.3  # it lights the side that is asked for
    row = rf"^\| direction \| 0\.00 .*\| {tiny['direction']['value']:.2f} \("
    assert re.search(row, result.stdout, re.MULTILINE)
    assert [each["name"] for each in methods[-1]["sets"]] == ["sphere", "unmasked"]
    assert methods[-1]["sets"][0]["pairs"][0]["pair"]["side"] == "E"
    with Image.open(sheet) as picture:
        assert picture.width > 10 * 192  # input, and E, W and S of the ramp, the model, the truth


def test_sets_can_be_left_out(sets, model):
    result = run("evaluate-real", sets, "--model", model, "--without", "unmasked", "--plain")
    assert result.exit_code == 0, result.output
    assert "| sphere |" in result.stdout
    assert "unmasked" not in result.stdout


def test_models_of_one_name_get_different_names(model, tmp_path):
    other = write_ramp_model(tmp_path / "tiny.onnx")
    assert [m.name for m in open_model_files([model, other])] == [str(model), str(other)]


@pytest.mark.parametrize("side", ["E", "W", "S"])
def test_a_photo_is_relit_as_the_service_relights_it(model, side):
    photo = np.random.default_rng(1).integers(0, 256, (90, 150, 3), np.uint8)
    with serving(create_app(Settings(models_dir=model.parent))) as url:
        answer = http.post(
            f"{url}/relight",
            params={"direction": side, "format": "png"},
            content=encoded(photo, "png"),
        )
    served = np.asarray(Image.open(io.BytesIO(answer.content)))
    (method,) = open_model_files([model])
    relit = method.relight(photo.astype(np.float32) / 255, RING[side], None)
    np.testing.assert_array_equal(np.rint(relit * 255), served)


def test_a_mirrored_light_answers_where_the_model_has_not_the_direction(tmp_path):
    both = open_model_files([write_ramp_model(tmp_path / "both.onnx", "EW")])[0]
    east_only = open_model_files([write_ramp_model(tmp_path / "east.onnx", "EN")])[0]
    photo = np.random.default_rng(2).random((64, 64, 3)).astype(np.float32)
    west, mirrored = (each.relight(photo, RING["W"], None) for each in (both, east_only))
    np.testing.assert_allclose(mirrored, west, atol=0.03)  # columns start at the left in both


def test_photos_are_drawn_from_four_directions_at_full_size(model, tmp_path):
    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (120, 70), (90, 120, 150)).save(photo)
    result = run("sheet", photo, "astronaut", "--model", model, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "out" / "photo.png") as sheet:
        assert sheet.width == 5 * (120 + 2)
        assert 70 < sheet.height < 120
    with Image.open(tmp_path / "out" / "astronaut.png") as sheet:
        assert sheet.width == 5 * (512 + 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate-real", "{empty}"),
        ("evaluate-real", "{sets}", "--without", "cube"),
        ("evaluate-real", "{sets}", "--model", "{empty}/missing.onnx"),
        ("evaluate-real", "{sets}", "--model", "{sets}/sphere/east.png"),
        ("evaluate-real", "{sets}", "--model", "{old}/old.onnx"),
        ("evaluate-real", "{sets}", "--model", "{old}/east.onnx"),  # it does not render S
        ("sheet", "{empty}/photo.jpg", "--model", "{model}", "-o", "{empty}/out"),
        ("sheet", "{sets}/sphere/lights.json", "--model", "{model}", "-o", "{empty}/out"),
    ],
    ids=" ".join,
)
def test_an_expected_failure_is_one_line_and_status_2(
    arguments, sets, model, tmp_path, monkeypatch, capsys
):
    (tmp_path / "empty").mkdir()
    write_model(tmp_path / "old.onnx", {"format": "relight/0"})
    write_model(tmp_path / "east.onnx")
    places = {"empty": tmp_path / "empty", "sets": sets, "model": model, "old": tmp_path}
    monkeypatch.setattr("sys.argv", ["model_export", *(a.format(**places) for a in arguments)])
    with pytest.raises(SystemExit) as stop:
        commands.main()
    assert stop.value.code == 2
    assert "error: " in capsys.readouterr().err
