"""What the measuring promises."""

import numpy as np
import pytest
from PIL import Image

from model_export.data.examples import examples
from model_export.evaluation.methods import Method
from model_export.evaluation.scores import (
    UNCHANGED,
    as_table,
    evaluate,
    psnr_db,
    ssim,
)
from relight.lights import Light
from tests.model_export.random_lpips import random_lpips

EAST = Light("E", 4500)


def test_psnr_follows_its_definition():
    black, grey = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 51, np.uint8)
    assert psnr_db(black, black) == float("inf")
    assert psnr_db(black, grey) == pytest.approx(20 * np.log10(255 / 51))


def test_ssim_is_one_for_equal_pictures_and_falls_with_noise():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
    noisy = np.clip(picture + rng.normal(0, 40, picture.shape), 0, 255).astype(np.uint8)
    assert ssim(picture, picture) == pytest.approx(1)
    assert ssim(noisy, picture) < 0.95


def test_every_other_direction_is_measured_at_every_temperature(folder):
    found = list(examples(folder, EAST, 32, (4500, 6500)))
    assert len(found) == len(folder.scenes) * 7 * 2
    assert all(example.light.direction != "E" for example in found)


def test_the_unchanged_input_stands_beside_every_method(folder, tmp_path):
    held_out = list(examples(folder, EAST, 64, (4500,)))
    answers = {example.image.tobytes(): example.target ^ 1 for example in held_out}
    sheet = tmp_path / "sheets" / "sheet.png"
    methods = [Method("one code off", lambda image: answers[image.tobytes()], 1_500_000)]
    scores = evaluate(held_out, methods, sheet=sheet)
    assert [score.method for score in scores] == [UNCHANGED, "one code off"]
    assert scores[0].psnr_db.value < 20
    assert scores[1].psnr_db.value == pytest.approx(20 * np.log10(255))
    assert scores[1].ssim.value > 0.99
    assert scores[0].psnr_db.margin > 0
    assert sheet.exists()
    table = as_table(scores)
    assert "| unchanged input |  | 0 | 28 |" in table
    assert "| one code off | 1.50 M |" in table
    assert "LPIPS" not in table


def test_one_scene_has_no_margin(folder):
    held_out = list(examples(folder.only((0,)), EAST, 32, (4500,)))
    table = as_table(evaluate(held_out, []))
    assert "±" not in table
    assert "nan" not in table


def test_a_sheet_shows_each_scene_once_and_not_always_from_the_same_light(folder, tmp_path):
    held_out = list(examples(folder, EAST, 64, (4500,)))
    sheet = tmp_path / "sheet.png"
    evaluate(held_out, [], sheet=sheet)
    with Image.open(sheet) as picture:
        tiles = np.asarray(picture.crop((0, 18, 192, picture.height))).reshape(4, 194, 192, 3)
    rows = [tile[:192:3, ::3] for tile in tiles]
    for rank, row in enumerate(rows):
        shown = [np.array_equal(row, e.image) for e in held_out if e.scene == rank]
        assert shown.index(True) == rank


def test_lpips_is_a_column_where_its_weights_are_given(folder):
    held_out = list(examples(folder.only((0, 1)), EAST, 32, (4500,)))
    (score,) = evaluate(held_out, [], lpips=random_lpips())
    assert score.lpips.value > 0
    assert score.lpips.margin > 0
    assert "| LPIPS |" in as_table([score])
