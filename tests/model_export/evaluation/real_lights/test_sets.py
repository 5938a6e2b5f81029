"""What the reading of sets of real photos promises."""

import numpy as np
import pytest
from PIL import Image

from model_export.data.sources import MissingData
from model_export.evaluation.real_lights.sets import EvaluationPair, read_set, read_sets
from model_export.evaluation.real_lights.soft_light import in_soft_light
from service.contract.color import srgb_to_linear
from tests.model_export.evaluation.real_lights.spheres import (
    LAMPS,
    lit_by,
    sphere,
    write_lights,
    write_png,
    write_set,
)

MASK = sphere()[1]


@pytest.fixture
def lit(tmp_path):
    return read_set(write_set(tmp_path))


def test_the_lamp_nearest_to_each_direction_gives_the_target(lit):
    assert lit.targets == {"E": "east.png", "W": "west.png", "S": "south.png"}


def test_a_target_is_asked_from_the_other_targets_and_from_evenly_lit_pictures(lit):
    assert lit.pairs == [
        EvaluationPair("west.png", "east.png", "E"),
        EvaluationPair("south.png", "east.png", "E"),
        EvaluationPair("even.png", "east.png", "E"),
        EvaluationPair("east.png", "west.png", "W"),
        EvaluationPair("south.png", "west.png", "W"),
        EvaluationPair("even.png", "west.png", "W"),
        EvaluationPair("east.png", "south.png", "S"),
        EvaluationPair("west.png", "south.png", "S"),
        EvaluationPair("even.png", "south.png", "S"),
    ]


def test_a_target_has_three_inputs_at_most(tmp_path):
    folder = write_set(tmp_path)
    for number in range(4):
        write_png(folder / f"even{number}.png", lit_by(*LAMPS.values()))
    inputs = [pair.input for pair in read_set(folder).pairs if pair.side == "E"]
    assert inputs == ["west.png", "south.png", "even.png"]


def test_east_and_west_are_asked_from_a_picture_that_shows_neither(tmp_path, lit):
    assert lit.contrast_input == "south.png"
    folder = write_set(tmp_path, "two")
    ends = {name: LAMPS[name].tolist() for name in ("east.png", "west.png")}
    for name in {*LAMPS, "even.png"} - set(ends):
        (folder / name).unlink()
    write_lights(folder, ends)
    assert read_set(folder).contrast_input == "east.png"
    write_lights(folder, {"east.png": ends["east.png"]})
    assert read_set(folder).contrast_input is None


def test_pixels_and_mask_are_those_of_the_files(lit):
    np.testing.assert_allclose(lit.pictures["east.png"], lit_by(LAMPS["east.png"]), atol=1 / 509)
    np.testing.assert_array_equal(lit.mask, MASK)


def test_without_a_mask_the_whole_picture_counts(tmp_path):
    lit = read_set(write_set(tmp_path, masked=False))
    assert lit.object_mask is None
    assert lit.mask.all()


def test_a_mask_of_another_size_is_brought_to_the_pictures(tmp_path):
    folder = write_set(tmp_path)
    large = Image.fromarray(MASK).resize((MASK.shape[1] * 2, MASK.shape[0] * 2))
    large.save(folder / "mask.png")
    np.testing.assert_array_equal(read_set(folder).mask, MASK)


def test_sixteen_bits_are_read_as_such(tmp_path):
    folder = write_set(tmp_path)
    codes = np.full(MASK.shape, 12345, np.uint16)
    Image.fromarray(codes).save(folder / "even.png")
    np.testing.assert_allclose(read_set(folder).pictures["even.png"], 12345 / 65535, rtol=1e-6)


def test_sets_come_by_name_without_those_left_out(tmp_path):
    for name in ("b", "a", "c"):
        write_set(tmp_path, name)
    assert [lit.name for lit in read_sets(tmp_path, ["c"])] == ["a", "b"]


@pytest.mark.parametrize(
    ("lights", "complaint"),
    [
        ({"missing.png": [0, 0, 1]}, "lacks missing.png"),
        ({"east.png": [0, 1]}, "unit vector"),
        ({"east.png": [0, 0, 0]}, "unit vector"),
        ({"east.png": ["up", 0, 0]}, "vectors"),
        (["east.png"], "vectors"),
    ],
)
def test_a_malformed_set_is_refused_with_its_fault(tmp_path, lights, complaint):
    folder = write_set(tmp_path)
    write_lights(folder, lights)
    with pytest.raises(MissingData, match=complaint):
        read_set(folder)


def test_pictures_of_two_sizes_are_refused(tmp_path):
    folder = write_set(tmp_path)
    write_png(folder / "even.png", np.zeros((8, 8, 3)))
    with pytest.raises(MissingData, match="one size"):
        read_set(folder)


def test_a_damaged_picture_is_refused(tmp_path):
    folder = write_set(tmp_path)
    (folder / "even.png").write_bytes(b"no picture")
    with pytest.raises(MissingData, match=r"even\.png"):
        read_set(folder)


def test_soft_light_is_the_mean_of_all_lamps(lit):
    soft = srgb_to_linear(in_soft_light(lit).alone)[MASK]
    pictures = [srgb_to_linear(lit.pictures[name])[MASK] for name in LAMPS]
    mean = np.mean([picture / picture.mean() for picture in pictures], axis=0)
    assert np.corrcoef(soft.ravel(), mean.ravel())[0, 1] > 0.999
    assert np.quantile(soft, 0.98) == pytest.approx(0.8, abs=0.05)


def test_bright_surroundings_leave_the_object_as_it_is(lit):
    alone, before_bright = in_soft_light(lit)
    y, x = np.nonzero(MASK)
    inside = (slice(y.min() + 12, y.max() - 12), slice(x.min() + 12, x.max() - 12))
    np.testing.assert_allclose(before_bright[inside], alone[inside], atol=0.01)
    corner = srgb_to_linear(before_bright)[:8, :8]
    assert 0.25 < corner.mean() < 0.8
    assert srgb_to_linear(alone)[:8, :8].mean() < 0.1
