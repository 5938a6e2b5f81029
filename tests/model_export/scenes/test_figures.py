"""People from head to foot: their proportions, their poses, and what they wear."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_export.scenes.everyday.bodies import bounds
from model_export.scenes.everyday.figures import figure
from model_export.scenes.everyday.skeleton import BONES, draw_pose, posed

seeds = st.integers(0, 2**32 - 1)
JOINTS = np.random.default_rng(0).normal(size=(len(BONES), 3))


def bent(directions, turns):
    """The joints of a made-up body in a pose, each of them a point that follows its own bone."""
    return posed(JOINTS, JOINTS, np.eye(len(BONES)), directions, turns)


@settings(max_examples=8)
@given(seed=seeds)
def test_a_figure_has_the_size_of_a_person_and_no_holes_in_its_numbers(seed):
    thing = figure(np.random.default_rng(seed))
    low, high = bounds(thing)

    assert 0.6 < (high - low).max() < 2.8  # metres
    for body in thing:
        assert np.isfinite(body.mesh.positions).all()
        assert np.linalg.norm(body.mesh.normals, axis=1) == pytest.approx(1, abs=1e-3)
        albedo = body.texture(body.mesh.positions, body.mesh.uvs)
        assert (albedo >= 0).all()
        assert (albedo <= 1).all()


def test_figures_differ_by_seed_and_only_by_seed():
    first, again, other = (
        figure(np.random.default_rng(seed))[0].mesh.positions for seed in (1, 1, 2)
    )

    assert (first == again).all()
    assert np.abs(first - other).max() > 0.05


@given(seed=seeds)
def test_no_pose_changes_the_length_of_a_bone(seed):
    _, _, places = bent(*draw_pose(np.random.default_rng(seed)))
    for end, start in (("forearm_l", "upper_arm_l"), ("foot_r", "shin_r"), ("head", "neck")):
        a, b = BONES.index(start), BONES.index(end)
        length = np.linalg.norm(JOINTS[b] - JOINTS[a])
        assert np.linalg.norm(places[b] - places[a]) == pytest.approx(length)


@pytest.mark.parametrize("wanted", [(0, -1, 0), (1, 0, 0), (0.3, 0.4, -1)])
def test_a_limb_points_where_the_pose_says(wanted):
    _, _, places = bent({"upper_arm_l": np.array(wanted, float)}, {})
    along = places[BONES.index("forearm_l")] - places[BONES.index("upper_arm_l")]

    assert along @ wanted == pytest.approx(np.linalg.norm(along) * np.linalg.norm(wanted))


def test_a_body_at_rest_stays_as_it_is():
    positions, rotations, _ = bent({}, {})

    assert positions == pytest.approx(JOINTS)
    assert rotations == pytest.approx(np.tile(np.eye(3), (len(BONES), 1, 1)))
