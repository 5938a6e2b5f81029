"""What the measuring on sets of real photos promises."""

import numpy as np
import pytest

from model_export.data.sources import MissingData
from model_export.evaluation.real_lights.lamps import RING, unit_vector
from model_export.evaluation.real_lights.measuring import measure
from model_export.evaluation.real_lights.methods import RAMP, UNCHANGED, LightMethod
from model_export.evaluation.real_lights.sets import read_set
from model_export.evaluation.real_lights.summary import MEASURES, figure
from tests.model_export.evaluation.real_lights.spheres import (
    HEIGHT_PX,
    LAMPS,
    WIDTH_PX,
    lit_by,
    write_lights,
    write_set,
)

MIRROR = np.array([-1, 1, 1])

TRUTH = LightMethod("truth", lambda photo, light, softness: lit_by(light), takes_any_light=True)
WRONG = LightMethod("wrong", lambda photo, light, softness: lit_by(light * MIRROR))
FOGGY = LightMethod("foggy", lambda photo, light, softness: np.maximum(photo, 0.4))

EVEN = {"grey": np.full((HEIGHT_PX, WIDTH_PX, 3), 0.5, np.float32)}


@pytest.fixture(scope="module")
def lit(tmp_path_factory):
    return read_set(write_set(tmp_path_factory.mktemp("sets")))


@pytest.fixture(scope="module")
def figures(lit):
    methods = [UNCHANGED, RAMP, TRUTH, WRONG, FOGGY]
    return {
        result.name: {each.label: figure(each, result.sets) for each in MEASURES}
        for result in measure([lit], methods, EVEN)
    }


@pytest.mark.parametrize("label", ["direction", "local", "amount", "hard r", "soft r", "bright r"])
def test_the_true_light_scores_one_and_no_change_scores_nothing(figures, label):
    assert figures["truth"][label].value == pytest.approx(1, abs=0.02)
    assert figures["unchanged"][label].value == 0
    assert abs(figures["wrong"][label].value) < 1


@pytest.mark.parametrize("label", ["hard r", "soft r", "bright r"])
def test_light_from_the_other_side_scores_below_zero(figures, label):
    assert figures["wrong"][label].value < 0


@pytest.mark.parametrize("label", ["hard slope", "soft slope", "bright slope"])
def test_a_ramp_shows_nothing_of_the_scene(figures, label):
    assert figures["ramp"]["direction"].value > 0.3
    assert abs(figures["ramp"][label].value) < 0.1


def test_gain_is_against_the_unchanged_photo(figures):
    assert figures["unchanged"]["gain dB"].value == 0
    gain_db = figures["truth"]["PSNR dB"].value - figures["unchanged"]["PSNR dB"].value
    assert figures["truth"]["gain dB"].value == pytest.approx(gain_db)
    assert gain_db > 10


def test_a_background_that_is_lifted_counts_as_fog(figures):
    assert figures["unchanged"]["fog"].value == pytest.approx(1)
    assert figures["foggy"]["fog"].value > 2


def test_one_set_has_no_interval(figures):
    assert figures["truth"]["gain dB"].interval is None


def test_a_method_is_asked_with_each_lamp_s_own_vector_where_it_takes_any(lit):
    asked = []

    def note(photo, light, softness):
        asked.append((tuple(light), softness))
        return photo

    measure([lit], [LightMethod("any", note, takes_any_light=True)], EVEN, softness=0.25)
    own = {tuple(lit.lights[name]) for name in lit.targets.values()}
    plain = {tuple(RING[side]) for side in ("E", "W", "S")}
    assert set(asked) == {(light, 0.25) for light in own | plain}  # plain: the even picture
    asked.clear()
    measure([lit], [LightMethod("plain", note)], EVEN)
    assert set(asked) == {(light, None) for light in plain}
    asked.clear()
    lower = {
        side: unit_vector(azimuth, 20) for side, azimuth in (("E", 90), ("W", 270), ("S", 180))
    }
    measure([lit], [LightMethod("lower", note, directions=lower)], EVEN)
    assert set(asked) == {(tuple(light), None) for light in lower.values()}


def test_soft_light_is_measured_only_with_a_mask_and_five_lamps(tmp_path):
    folder = write_set(tmp_path, "few")
    few = {name: LAMPS[name].tolist() for name in ("east.png", "west.png", "south.png")}
    write_lights(folder, few)
    sets = [read_set(folder), read_set(write_set(tmp_path, "no mask", masked=False))]
    (result,) = measure(sets, [UNCHANGED], EVEN)
    assert [each.soft for each in result.sets] == [None, None]
    assert all(each.hard is not None for each in result.sets)


def test_a_set_without_a_pair_is_left_out_and_named(tmp_path, lit, capsys):
    folder = write_set(tmp_path, "unknown")
    write_lights(folder, {})
    unknown = read_set(folder)
    (result,) = measure([unknown, lit], [UNCHANGED], EVEN)
    assert [each.name for each in result.sets] == [lit.name]
    assert "unknown is left out" in capsys.readouterr().err
    with pytest.raises(MissingData, match="no set"):
        measure([unknown], [UNCHANGED], EVEN)


def test_the_interval_of_several_sets_holds_the_figure(tmp_path, lit):
    other = read_set(write_set(tmp_path, "other", masked=False))
    (result,) = measure([lit, other], [RAMP], EVEN)
    gain = next(each for each in MEASURES if each.label == "gain dB")
    by_set = [np.mean([p.psnr_db - p.unchanged_db for p in s.pairs]) for s in result.sets]
    found = figure(gain, result.sets)
    assert found.value == pytest.approx(np.mean(by_set))
    assert found.num_sets == 2
    assert found.interval == pytest.approx((min(by_set), max(by_set)))
    worst = next(each for each in MEASURES if each.label == "worst dB")
    assert figure(worst, result.sets).value == pytest.approx(min(by_set))
    assert figure(worst, result.sets).interval is None
