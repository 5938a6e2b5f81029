from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model_export.scenes import made_materials as made
from model_export.scenes import variants
from model_export.scenes.builder import COMMON, SceneBuilder
from model_export.scenes.description import Ambient, Scene
from model_export.scenes.layouts import LAYOUTS, describe
from model_export.scenes.noise import fractal_noise
from model_export.scenes.rendering import Frames, render
from model_export.scenes.shapes import box, facing_normals
from model_export.scenes.tone_mapping import is_usable, tone_map
from relight.lights import DIRECTIONS
from tests.model_export.stand_in_scene import CAMERA, LAMPS, NO_AMBIENT, SCALAR, block_on_a_floor


def draw(scene: Scene, *, variant: str = SCALAR, size_px: int = 24, samples: int = 4) -> Frames:
    variants.activate(variant)
    return render(scene, size_px=size_px, samples=samples, rng=np.random.default_rng(1))


def frame(frames: Frames, direction: str) -> np.ndarray:
    return frames.lamps[DIRECTIONS.index(direction)].mean(axis=-1)


# What a scene is


def test_a_scene_follows_from_its_numbers_alone() -> None:
    first, again = describe(5, 7), describe(5, 7)
    other, attempt = describe(5, 8), describe(5, 7, attempt=1)
    assert (first.kind, first.camera, first.lamps) == (again.kind, again.camera, again.lamps)
    for name, mesh in first.meshes.items():
        np.testing.assert_array_equal(mesh.positions, again.meshes[name].positions)
        np.testing.assert_array_equal(first.materials[name].albedo, again.materials[name].albedo)
    assert len({first.camera, other.camera, attempt.camera}) == 3


def test_every_sixth_scene_has_soft_light() -> None:
    hard, soft = describe(1, 4), describe(1, 5)
    assert soft.ambient.num_rays > hard.ambient.num_rays
    assert soft.lamps.lamp_radius_m / soft.lamps.radius_m > 0.025
    assert hard.lamps.lamp_radius_m / hard.lamps.radius_m < 0.025


@pytest.mark.parametrize("kind", LAYOUTS)
def test_every_layout_gives_sound_meshes_and_a_material_for_each(kind: str) -> None:
    site = SceneBuilder(np.random.default_rng(2), CAMERA, LAMPS)
    LAYOUTS[kind](site)
    scene = site.built(kind, NO_AMBIENT, 50.0)
    assert scene.materials.keys() == scene.meshes.keys()
    for mesh in scene.meshes.values():
        assert np.isfinite(mesh.positions).all()
        assert np.isfinite(mesh.uvs).all()
        assert (np.linalg.norm(mesh.normals, axis=1) < 1 + 1e-6).all()
        assert mesh.faces.min() >= 0
        assert mesh.faces.max() < len(mesh.positions)


@pytest.mark.parametrize("seed", range(8))
def test_objects_do_not_stand_in_one_another_or_in_the_camera(seed: int) -> None:
    site = SceneBuilder(np.random.default_rng(seed), CAMERA, LAMPS)
    spots = [site.free_spot(0.5, 0.5, 6.0) for _ in range(12)]
    placed = np.array([spot for spot in spots if spot is not None])
    gaps = np.hypot(*(placed[:, None] - placed[None]).T) + 10 * np.eye(len(placed))
    assert len(placed) > 5
    assert gaps.min() >= 1.0
    assert np.hypot(*(placed - CAMERA.origin[:2]).T).min() > 0.5


@pytest.mark.parametrize(
    "maker",
    [
        *COMMON.values(),
        made.brick,
        made.planks,
        made.tiles,
        made.cobbles,
        made.plaster,
    ],
)
def test_materials_are_physical(maker: object) -> None:
    material = maker(np.random.default_rng(4))  # type: ignore[operator]
    assert material.albedo.dtype == np.float32
    assert 0 < material.albedo.min() <= material.albedo.max() < 0.92
    for field in (material.height, material.roughness):
        assert field.shape == material.albedo.shape[:2]
        assert field.min() >= 0
        assert field.max() <= 1
    assert material.roughness.min() >= 0.08


def test_noise_tiles_without_a_seam() -> None:
    noise = fractal_noise(np.random.default_rng(0), slope=2.0)
    inside = np.abs(np.diff(noise, axis=0)).max()
    assert np.abs(noise[0] - noise[-1]).max() <= inside


def test_faces_are_wound_to_look_where_their_normals_look() -> None:
    mesh = box((1.0, 2.0, 3.0), np.random.default_rng(0), wobble_m=0.05)
    corner = mesh.positions[facing_normals(mesh)]
    outward = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    centre = mesh.positions.mean(axis=0)
    assert ((corner.mean(axis=1) - centre) * outward).sum(axis=1).min() > 0


# Light


def test_lamps_stand_where_vidit_has_them() -> None:
    positions = dict(zip(DIRECTIONS, LAMPS.positions(), strict=True))
    np.testing.assert_allclose(positions["N"], [0, 3, 2.5], atol=1e-9)
    np.testing.assert_allclose(positions["E"], [3, 0, 2.5], atol=1e-9)
    np.testing.assert_allclose(positions["SW"], [-(4.5**0.5), -(4.5**0.5), 2.5], atol=1e-9)


def test_light_from_the_east_throws_shadows_to_the_left() -> None:
    frames = draw(block_on_a_floor())
    east, row = frame(frames, "E"), 13
    assert east[row, 5:9].mean() < 0.1 * east[row, 15:19].mean()


def test_a_symmetric_scene_lit_from_the_west_is_the_mirror_image_of_the_east() -> None:
    frames = draw(block_on_a_floor(), samples=16)
    difference = frame(frames, "E") - frame(frames, "W")[:, ::-1]
    assert np.abs(difference).mean() < 0.03 * frame(frames, "E").mean()


def test_light_falls_off_with_the_square_of_distance_and_ends_at_its_reach() -> None:
    dim = replace(LAMPS, reach_m=LAMPS.distance_m * 0.5)
    scene = block_on_a_floor()
    assert draw(replace(scene, lamps=dim)).lamps.max() < draw(scene).lamps.max()
    far = draw(replace(scene, lamps=replace(LAMPS, height_m=90.0, reach_m=1.0)))
    assert far.lamps.max() == 0


def test_ambient_light_reaches_the_shade_but_less_of_it_into_corners() -> None:
    sky = Ambient((0.5, 0.5, 0.5), reach_m=50.0, num_rays=4)
    ambient = draw(block_on_a_floor(sky)).ambient.mean(axis=-1)
    assert ambient.min() > 0
    assert ambient[14, 12] < 0.9 * ambient[22, 2]  # at the block's foot, and in the open


@pytest.mark.skipif(variants.find_llvm() is None, reason="no libLLVM that Dr.Jit can use")
def test_array_and_scalar_variants_give_the_same_light() -> None:
    sky = Ambient((0.1, 0.1, 0.1), reach_m=50.0, num_rays=1)
    scalar = draw(block_on_a_floor(sky), size_px=12)
    arrays = draw(block_on_a_floor(sky), size_px=12, variant="llvm_ad_rgb")
    assert np.abs(scalar.lamps - arrays.lamps).mean() < 1e-3
    assert np.abs(scalar.ambient - arrays.ambient).mean() < 1e-3


def test_a_view_that_a_wall_blocks_is_refused() -> None:
    buried = replace(CAMERA, origin=(0.0, -0.6, 0.5))
    assert is_usable(draw(block_on_a_floor()))
    assert not is_usable(draw(block_on_a_floor(camera=buried)))


def test_a_scene_that_one_lamp_leaves_dark_is_refused() -> None:
    frames = draw(block_on_a_floor())
    frames.lamps[3, :20] = 0
    assert not is_usable(frames)


@pytest.mark.parametrize("mean_level", [25.0, 60.0, 110.0])
def test_exposure_gives_the_pictures_their_mean_level(mean_level: float) -> None:
    developed = tone_map(draw(block_on_a_floor()), mean_level)
    assert developed.dtype == np.uint8
    assert developed.mean() == pytest.approx(mean_level, rel=0.06)  # set on a third of the pixels


def test_lamps_at_4500_k_are_warm() -> None:
    developed = tone_map(draw(block_on_a_floor()), 60.0)
    red, green, blue = developed.reshape(-1, 3).mean(axis=0)
    assert red > green > blue
