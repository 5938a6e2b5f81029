"""Maps of everyday scenes: what the training code may rely on."""

from dataclasses import fields

import mitsuba as mi
import numpy as np
import pytest
from typer.testing import CliRunner

from model_export.__main__ import app
from model_export.scenes import variants
from model_export.scenes.description import Camera
from model_export.scenes.everyday import skies
from model_export.scenes.everyday.bodies import Body, Composition, Context, mesh_of, moved
from model_export.scenes.everyday.layouts import LAYOUTS
from model_export.scenes.everyday.pictures import painted
from model_export.scenes.everyday.sheets import joined
from model_export.scenes.generate import EmptyView, generate_scene, render_maps
from model_export.scenes.maps import NUM_LAMPS, load_maps, save_maps
from model_export.scenes.stones import icosphere

pytestmark = pytest.mark.skipif(variants.find_llvm() is None, reason="needs LLVM")
SIZE_PX = 32
NUM_SEEDS = 12


def grey(points, uvs):
    return np.full((len(points), 3), 0.5)


def ball_in_darkness(**surface):
    """A ball of radius 1 that fills half the picture, 10 units before the camera."""
    positions, faces = icosphere(4)
    return Composition(
        layout="ball",
        bodies=[Body(mesh_of(positions, faces, positions), grey, **surface)],
        camera=Camera((0.0, -10.0, 0.0), (0.0, 0.0, 0.0), 16.0, 0.0),
        reach=1.0,
        grounded=False,
        low_sun=False,
        sky=skies.darkness(np.random.default_rng(0)),
    )


def rendered(composition, samples_per_pixel=4):
    rng = np.random.default_rng(1)
    return render_maps(composition, rng, size_px=SIZE_PX, samples_per_pixel=samples_per_pixel)


@pytest.fixture(scope="module")
def scenes():
    made = []
    for seed in range(NUM_SEEDS):
        try:
            made.append(generate_scene(seed, SIZE_PX, 1))
        except EmptyView:
            continue
    assert len(made) > NUM_SEEDS // 2
    return made


@pytest.fixture(scope="module", params=sorted(LAYOUTS))
def of_layout(request):
    """The first scene of a layout that shows something."""
    for seed in range(20):
        rng = np.random.default_rng([3, seed])
        composition = LAYOUTS[request.param][0](rng, Context(seed, painted))
        try:
            return request.param, render_maps(
                composition, rng, size_px=SIZE_PX, samples_per_pixel=1
            )
        except EmptyView:
            continue
    raise AssertionError(f"20 empty views of {request.param}")


def test_every_layout_gives_maps_of_the_promised_shapes_and_ranges(of_layout):
    name, maps = of_layout
    square = (SIZE_PX, SIZE_PX)
    assert maps.layout == name
    assert 10 < maps.field_of_view_deg < 100
    for plane in (maps.occlusion, maps.coverage, maps.relightable):
        assert plane.shape == square and plane.dtype == np.float16
        assert plane.min() >= 0 and plane.max() <= 1.001
    for picture in (maps.normals, maps.albedo, maps.background):
        assert picture.shape == (*square, 3) and picture.dtype == np.float16
        assert np.isfinite(picture).all()
    assert maps.albedo.min() >= 0 and maps.albedo.max() <= 1
    assert maps.background.min() >= 0
    assert maps.depth.shape == square and maps.depth.dtype == np.float32
    assert maps.lamps.shape == (NUM_LAMPS, 4) and maps.lamp_softness.shape == (NUM_LAMPS,)
    for light in (maps.irradiance, maps.specular):
        assert light.shape == (NUM_LAMPS, *square) and light.dtype == np.float16
        assert np.isfinite(light).all() and light.min() >= 0


def test_normals_are_unit_and_face_the_viewer(scenes):
    for maps in scenes:
        normals = maps.normals.astype(np.float32)
        assert np.allclose(np.linalg.norm(normals, axis=2), 1, atol=5e-3)
        half = np.tan(np.deg2rad(maps.field_of_view_deg) / 2)
        y, x = np.mgrid[1 : -1 : SIZE_PX * 1j, -1 : 1 : SIZE_PX * 1j] * half
        to_viewer = np.stack([-x, -y, np.ones_like(x)], axis=2)
        facing = (normals * to_viewer).sum(axis=2)[maps.coverage > 0.5]
        assert (facing > -0.05).mean() > 0.99


def test_nothing_has_depth_light_or_albedo_where_nothing_is(scenes):
    for maps in scenes:
        empty = maps.coverage == 0
        for plane in (maps.depth, maps.relightable, *maps.irradiance, *maps.specular):
            assert not plane[empty].any()
        assert not maps.albedo[empty].any()
        assert (maps.depth[maps.coverage > 0] > 0).all()


def test_far_lamps_give_no_more_than_the_cosine_and_shadows_less(scenes):
    darker = 0
    for maps in scenes:
        normals = maps.normals.astype(np.float32)
        for lamp, softness, light in zip(
            maps.lamps[:8], maps.lamp_softness, maps.irradiance, strict=False
        ):
            assert lamp[3] == 0 and np.isclose(np.linalg.norm(lamp[:3]), 1, atol=1e-3)
            cosine = np.maximum(normals @ lamp[:3], 0)
            assert (light <= cosine + 4 * softness + 5e-3).mean() > 0.99
            darker += ((light == 0) & (cosine > 0.3) & (maps.coverage == 1)).sum()
    assert darker > 0


def test_the_same_seed_gives_the_same_maps_and_another_seed_others():
    first, again, other = (generate_scene(seed, SIZE_PX, 1) for seed in (1, 1, 2))
    for field in fields(first):
        assert np.array_equal(getattr(first, field.name), getattr(again, field.name))
    assert not np.array_equal(first.normals, other.normals)


def test_maps_come_back_from_their_file_as_they_were(tmp_path):
    maps = generate_scene(1, SIZE_PX, 1)
    save_maps(maps, tmp_path / "scene.npz")
    back = load_maps(tmp_path / "scene.npz")
    for field in fields(maps):
        assert np.array_equal(getattr(maps, field.name), getattr(back, field.name))
        assert type(getattr(maps, field.name)) is type(getattr(back, field.name))
    assert [path.name for path in tmp_path.iterdir()] == ["scene.npz"]


def test_a_ball_is_seen_with_its_normals_depth_and_light():
    maps = rendered(ball_in_darkness())
    middle = SIZE_PX // 2
    assert maps.depth[middle, middle] == pytest.approx(9, abs=0.05)
    assert maps.normals[middle, middle, 2] > 0.98
    assert maps.normals[middle, middle + 6, 0] > 0.3  # right of the middle looks right
    assert maps.normals[middle - 6, middle, 1] > 0.3  # above the middle looks up
    assert maps.occlusion[maps.coverage == 1].min() > 0.99
    assert not maps.background.any() and maps.coverage[0, 0] == 0
    sure = maps.coverage == 1
    for lamp, softness, light in zip(
        maps.lamps[:8], maps.lamp_softness[:8], maps.irradiance[:8], strict=True
    ):
        cosine = np.maximum(maps.normals.astype(np.float32) @ lamp[:3], 0)
        assert np.abs(light - cosine)[sure].mean() < 0.02 + softness  # no facet casts a shadow


def test_near_lamps_give_their_cosine_over_the_squared_distance():
    maps = rendered(ball_in_darkness())
    half = np.tan(np.deg2rad(maps.field_of_view_deg) / 2)
    middle = SIZE_PX // 2 + 0.5
    y, x = (middle - np.mgrid[1:33, 1:33]) / (SIZE_PX / 2) * half
    points = np.stack([-x, y, -np.ones_like(x)], axis=2) * maps.depth[..., None]
    for lamp, softness, light in zip(
        maps.lamps[8:], maps.lamp_softness[8:], maps.irradiance[8:], strict=True
    ):
        assert lamp[3] == 1
        offset = lamp[:3] - points
        distance = np.linalg.norm(offset, axis=2)
        reference = np.linalg.norm(lamp[:3] - [0, 0, -10])
        cosine = np.maximum((maps.normals * offset).sum(axis=2) / distance, 0)
        wanted = cosine * np.minimum((reference / distance) ** 2, 30)
        sure = maps.coverage == 1
        assert np.abs(light - wanted)[sure].mean() < 0.05 + 2 * softness


def test_glowing_surfaces_are_background_and_mirrors_show_the_sky():
    glowing = rendered(ball_in_darkness(glow=lambda p, uvs: np.full((len(p), 3), 2.0)))
    middle = SIZE_PX // 2
    assert np.allclose(glowing.background[middle, middle], 2)
    mirror = ball_in_darkness(reflection=0.5, relightable=0.0)
    object.__setattr__(mirror, "sky", lambda directions: np.ones((len(directions), 3)))
    maps = rendered(mirror)
    assert np.allclose(maps.background[middle, middle], 0.5)
    assert np.allclose(maps.background[0, 0], 1)
    assert maps.relightable[middle, middle] == 0 and maps.coverage[middle, middle] == 1


def test_surfaces_that_no_lamp_reaches_are_black_and_stop_no_render():
    composition = ball_in_darkness()
    shell = moved(composition.bodies, size=13.0)
    object.__setattr__(composition, "bodies", [*composition.bodies, *shell])
    maps = rendered(composition)
    assert maps.coverage.min() == 1
    assert not maps.irradiance[:8].any()


def test_occlusion_is_dark_in_a_corner_and_has_little_noise_elsewhere():
    composition = ball_in_darkness()
    axis = np.linspace(-40, 40, 3)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    floor = joined(np.stack([x, y, 0 * x - 1], axis=-1))
    object.__setattr__(composition, "bodies", [*composition.bodies, Body(floor, grey)])
    object.__setattr__(composition, "camera", Camera((0.0, -10.0, 5.0), (0.0, 0.0, 0.0), 30.0, 0.0))
    occlusion = rendered(composition).occlusion.astype(np.float32)
    assert np.abs(np.diff(occlusion[:, :4], axis=1)).mean() < 0.02
    assert occlusion[:, :4].mean() > 0.9  # far from the ball
    assert occlusion[20:26, 14:18].min() < 0.5  # under it


def test_a_camera_that_sees_too_little_is_an_error():
    composition = ball_in_darkness()
    object.__setattr__(composition, "bodies", moved(composition.bodies, (50.0, 0.0, 0.0)))
    with pytest.raises(EmptyView):
        rendered(composition)


def test_the_command_fills_a_folder_skips_empty_views_and_goes_on(tmp_path):
    arguments = ["maps", str(tmp_path), "--size-px", str(SIZE_PX), "--samples", "1"]
    assert CliRunner().invoke(app, [*arguments, "--num-scenes", "2"]).exit_code == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert len(before) == 2 and (tmp_path / "contact.png").exists()
    assert CliRunner().invoke(app, [*arguments, "--num-scenes", "3"]).exit_code == 0
    after = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert len(after) == 3 and before.items() <= after.items()
    assert mi.variant() == "llvm_ad_rgb"
