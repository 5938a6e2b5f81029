from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_export.scenes.maps import NIGHT_LAYOUT
from model_export.streaming.crops import Window, choose_window, cut
from model_export.streaming.lighting import light, plan_light
from model_export.streaming.near_lamps import near_light
from model_export.streaming.outside_shadows import outside_shadows
from model_export.streaming.pool import ScenePool
from model_export.streaming.recoloring import recolor
from model_export.streaming.samples import batch, draw_sample
from service.contract.color import LUMINANCE
from tests.model_export.sphere_scene import SIZE_PX, sphere_scene

WHOLE = Window(left_px=0, top_px=0, side_px=SIZE_PX)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def pool() -> ScenePool:
    pool = ScenePool(capacity=2)
    pool.add(sphere_scene())
    return pool


@given(seed=seeds)
def test_a_sample_is_finite_and_in_range(pool: ScenePool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sample = draw_sample(pool.choose(rng), 48, rng)

    assert all(np.isfinite(value).all() for value in sample.values())
    for name in ("photo", "relit"):
        assert sample[name].shape == (3, 48, 48)
        assert sample[name].min() >= 0
        assert sample[name].max() <= 1
    assert np.linalg.norm(sample["light"]) == pytest.approx(1, abs=1e-4)
    surface = sample["coverage"][0] > 0.99
    lengths = np.linalg.norm(sample["normals"], axis=0)[surface]
    assert lengths == pytest.approx(np.ones_like(lengths), abs=1e-2)


def test_the_same_seed_draws_the_same_sample(pool: ScenePool) -> None:
    first, second = (
        draw_sample(pool.choose(np.random.default_rng(0)), 48, np.random.default_rng(5))
        for _ in range(2)
    )

    assert all((first[name] == second[name]).all() for name in first)


def test_some_surfaces_are_darker_in_their_hollows() -> None:
    crop = cut(sphere_scene(), WHOLE, [0], SIZE_PX)
    surface = crop.coverage[..., 0] > 0.99
    hollow = np.zeros_like(crop.relief)
    hollow[SIZE_PX // 2 - 2 : SIZE_PX // 2 + 2] = -0.05
    crop = replace(crop, relief=crop.relief + hollow, albedo=np.full_like(crop.albedo, 0.4))
    is_hollow = surface & (hollow[..., 0] < 0)
    ratios = []
    for seed in range(100):
        albedo = recolor(crop, np.random.default_rng(seed)).mean(-1)
        ratios.append(albedo[is_hollow].mean() / albedo[surface & ~is_hollow].mean())

    darker = np.mean(np.array(ratios) < 0.98)
    assert 0.1 < darker < 0.4
    assert np.mean(np.isclose(ratios, 1, atol=1e-4)) > 0.5


def test_light_varies_across_flat_surfaces_as_it_does_beside_windows_and_leaves() -> None:
    whole = cut(sphere_scene(), WHOLE, [0], SIZE_PX)
    ahead = np.broadcast_to(np.float32([0, 0, 1]), whole.normals.shape)
    flat = replace(whole, normals=ahead)
    num_shaded = {
        name: sum(
            outside_shadows(crop, np.random.default_rng(seed)).min() < 0.98 for seed in range(200)
        )
        for name, crop in (("round", whole), ("flat", flat))
    }

    assert 60 < num_shaded["flat"] < 130
    assert 2 < num_shaded["round"] < 40


def test_some_photos_are_greyscale(pool: ScenePool) -> None:
    rng = np.random.default_rng(0)
    relit = [draw_sample(pool.choose(rng), 16, rng)["relit"] for _ in range(60)]
    num_greyscale = sum(np.ptp(picture, axis=0).max() < 1e-5 for picture in relit)

    assert 0 < num_greyscale < 30


def test_by_night_most_of_a_photo_stays_dark(pool: ScenePool) -> None:
    night = ScenePool(capacity=1)
    night.add(replace(sphere_scene(glow=0.0), layout=NIGHT_LAYOUT))
    rng = np.random.default_rng(0)
    by_night, by_day = (
        np.stack([draw_sample(scenes.choose(rng), 48, rng)["photo"] for _ in range(30)])
        for scenes in (night, pool)
    )

    assert np.median(by_night) < 0.1 < np.median(by_day)
    assert by_night.mean() < 0.6 * by_day.mean()


@given(seed=seeds)
def test_by_night_a_crop_is_wide_enough_to_show_how_light_falls(seed: int) -> None:
    window = choose_window(
        replace(sphere_scene(), layout=NIGHT_LAYOUT), np.random.default_rng(seed)
    )

    assert window.side_px >= 0.6 * SIZE_PX - 1


def test_slopes_of_relief_agree_with_normals() -> None:
    crop = cut(sphere_scene(), WHOLE, [0], SIZE_PX)

    across = np.gradient(crop.relief[..., 0], 2 / SIZE_PX, axis=1)
    inner = slice(24, 40), slice(24, 40)
    expected = -crop.normals[..., 0] / crop.normals[..., 2]
    # At distance 3 and radius .3 perspective bends the slope by a tenth of the relief's unit.
    assert across[inner] == pytest.approx(expected[inner], abs=0.06)


def test_a_crop_beside_the_middle_is_seen_by_a_camera_that_faces_it() -> None:
    maps = sphere_scene()

    crop = cut(maps, Window(left_px=20, top_px=20, side_px=24), [0], 24)
    beside = cut(maps, Window(left_px=32, top_px=20, side_px=24), [0], 24)

    assert crop.directions[:8] == pytest.approx(maps.lamps[:8, :3], abs=1e-2)
    assert not np.allclose(beside.directions[0], maps.lamps[0, :3], atol=1e-2)
    assert np.linalg.norm(beside.directions[:8], axis=1) == pytest.approx(np.ones(8), abs=1e-3)


def test_the_mirror_image_of_a_crop_has_mirrored_normals_and_lamps() -> None:
    crop = cut(sphere_scene(), WHOLE, [0, 3], SIZE_PX)

    mirrored = crop.mirrored()

    assert mirrored.normals[:, ::-1, 0] == pytest.approx(-crop.normals[..., 0])
    assert mirrored.directions[:, 0] == pytest.approx(-crop.directions[:, 0])
    assert (mirrored.mirrored().irradiance == crop.irradiance).all()


@given(seed=seeds)
def test_relighting_keeps_the_mean_luminance_and_the_background(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = sphere_scene(glow=1.0)
    plan = plan_light(maps.irradiance.astype(np.float32).mean((1, 2)), maps.layout, rng)
    crop = cut(maps, WHOLE, plan.lamps, SIZE_PX)

    lit = light(crop, plan, 1.0, rng)

    behind = crop.coverage[..., 0] == 0
    assert lit.relit[behind] == pytest.approx(lit.photo[behind], rel=1e-3, abs=1e-6)
    before, after = (float((x @ LUMINANCE).mean()) for x in (lit.photo, lit.relit))
    assert after == pytest.approx(before, rel=2e-2)


def test_a_far_lamp_stays_as_it_is_rendered() -> None:
    crop = cut(sphere_scene(), WHOLE, [0], SIZE_PX)

    assert (near_light(crop, crop.directions[0], nearness=0.0) == 1).all()


def test_a_near_lamp_lights_a_surface_by_its_place() -> None:
    crop = cut(sphere_scene(), WHOLE, [0], SIZE_PX)
    lamp, nearness = crop.directions[0], 0.5

    lit = crop.irradiance * near_light(crop, lamp, nearness)

    row, column = 32, 40  # lit from the right
    height = crop.relief[row, column, 0] - crop.relief.mean()
    place = np.array([(column + 0.5) / 32 - 1, 1 - (row + 0.5) / 32, height])
    towards = lamp / nearness - place
    distance = np.linalg.norm(towards)
    cosine = crop.normals[row, column] @ towards / distance
    assert lit[row, column, 0] == pytest.approx(cosine / (distance * nearness) ** 2, rel=0.05)


def test_a_pool_forgets_the_oldest_scene_first() -> None:
    pool, rng = ScenePool(capacity=2), np.random.default_rng(0)
    for size_px in (16, 24, 32):
        pool.add(sphere_scene(size_px))

    kept = {len(pool.choose(rng).maps.depth) for _ in range(50)}

    assert kept == {24, 32}


def test_samples_of_one_size_make_a_batch(pool: ScenePool) -> None:
    rng = np.random.default_rng(0)

    stacked = batch([draw_sample(pool.choose(rng), 32, rng) for _ in range(3)])

    assert stacked["photo"].shape == (3, 3, 32, 32)
    assert stacked["light"].shape == (3, 3)
