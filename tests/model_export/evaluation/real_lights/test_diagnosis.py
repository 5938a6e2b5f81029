"""Truth in the place of what a model reads: what it is, and what it is worth."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from model_export import __main__ as commands
from model_export.evaluation.real_lights.photometric_stereo import surfaces_of
from model_export.evaluation.real_lights.sets import read_set
from tests.model_export.evaluation.real_lights.spheres import MORE_LAMPS, sphere, write_set
from tests.service.pairs import write_pair


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    write_set(root, "sphere", lamps=MORE_LAMPS)
    write_set(root, "too-few-lamps")
    return root


def test_photometric_stereo_finds_the_normals_of_a_sphere(sets):
    true, mask = sphere()

    found = surfaces_of(read_set(sets / "sphere")).normals

    facing = mask & (true[..., 2] > 0.7)
    cosine = (found * true).sum(axis=-1)[facing].clip(-1, 1)
    assert np.rad2deg(np.arccos(cosine)).mean() < 8


def test_the_light_that_it_finds_is_the_photo_without_its_pattern(sets):
    lit = read_set(sets / "sphere")
    true, mask = sphere()
    lamp = MORE_LAMPS["front.png"]

    shading = surfaces_of(lit).log_shading(lit.pictures["front.png"], lit)

    lit_well = mask & (true @ lamp > 0.3)
    expected = np.log(true @ lamp, where=lit_well, out=np.zeros(mask.shape))
    assert np.corrcoef(shading[lit_well], expected[lit_well])[0, 1] > 0.9


def test_true_maps_light_a_scene_better_than_those_of_a_poor_model(sets, tmp_path):
    scene, _ = write_pair(tmp_path)

    result = CliRunner().invoke(commands.app, ["diagnose", str(sets), "--model", str(scene)])

    assert result.exit_code == 0, result.output
    assert "Sets: 1" in result.stdout
    direction = {
        name: float(value)
        for name, value in re.findall(
            r"^\| ([a-z ]+) \| [-.\d]+ \| ([-.\d]+) ", result.stdout, re.M
        )
    }
    assert direction["both"] > direction["as read"] + 0.2


def test_sets_with_too_few_lamps_are_refused(tmp_path):
    write_set(tmp_path / "sets")
    scene, _ = write_pair(tmp_path)

    result = CliRunner().invoke(
        commands.app, ["diagnose", str(tmp_path / "sets"), "--model", str(scene)]
    )

    assert result.exit_code == 2
