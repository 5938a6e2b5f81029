from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_export.scenes import contact_sheet, dataset, render_scenes, variants
from model_export.scenes import made_materials as made
from model_export.scenes.builder import COMMON, SceneBuilder
from model_export.scenes.description import Ambient, Camera, LampRing, Material, Scene
from model_export.scenes.developing import develop, is_usable
from model_export.scenes.layouts import LAYOUTS, describe
from model_export.scenes.noise import fractal_noise
from model_export.scenes.rendering import Frames, render
from model_export.scenes.shapes import box, facing_normals, merged, sheet
from service.lights import DIRECTIONS

SCALAR = "scalar_rgb"
NO_AMBIENT = Ambient((0.0, 0.0, 0.0), reach_m=0.0, num_rays=0)
CAMERA = Camera(
    origin=(0.0, -4.0, 3.0), target=(0.0, 0.0, 0.0), field_of_view_deg=60.0, roll_deg=0.0
)
LAMPS = LampRing(
    centre=(0.0, 0.0, 0.0), radius_m=3.0, height_m=2.5, lamp_radius_m=0.0, reach_m=20.0
)


def block_on_a_floor(ambient: Ambient = NO_AMBIENT, camera: Camera = CAMERA) -> Scene:
    """A grey block in the middle of a grey floor: the same from the left and from the right."""
    flat = np.full((4, 4), 0.5, dtype=np.float32)
    grey = Material(np.full((4, 4, 3), 0.4, dtype=np.float32), flat, flat, 1.0, 0.0)
    corners = np.array([[[-9, -9, 0], [9, -9, 0]], [[-9, 9, 0], [9, 9, 0]]], dtype=float)
    return Scene(
        kind="test",
        camera=camera,
        lamps=LAMPS,
        ambient=ambient,
        mean_level=60.0,
        materials={"grey": grey},
        meshes={"grey": merged([sheet(corners), box((0.8, 0.8, 1.2))])},
    )


def draw(scene: Scene, *, variant: str = SCALAR, size_px: int = 24, samples: int = 4) -> Frames:
    variants.activate(variant)
    return render(scene, size_px=size_px, samples=samples, rng=np.random.default_rng(1))


def frame(frames: Frames, direction: str) -> np.ndarray:
    return frames.lamps[DIRECTIONS.index(direction)].mean(axis=-1)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small scenes, the second in soft light."""
    folder = tmp_path_factory.mktemp("rendered")
    render_scenes(
        folder, num_scenes=2, first_scene=4, seed=3, size_px=16, samples=1, variant=SCALAR
    )
    return folder


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


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
    developed = develop(draw(block_on_a_floor()), mean_level)
    assert developed.dtype == np.uint8
    assert developed.mean() == pytest.approx(mean_level, rel=0.06)  # set on a third of the pixels


def test_lamps_at_4500_k_are_warm() -> None:
    developed = develop(draw(block_on_a_floor()), 60.0)
    red, green, blue = developed.reshape(-1, 3).mean(axis=0)
    assert red > green > blue


# The data set


def test_scenes_are_written_as_vidit_writes_them(rendered: Path) -> None:
    expected = {f"Image{k:03d}_4500_{direction}.png" for k in (4, 5) for direction in DIRECTIONS}
    assert pictures(rendered).keys() == expected
    with Image.open(rendered / "Image004_4500_E.png") as image:
        assert (image.mode, image.size) == ("RGB", (16, 16))
    recipe = json.loads((rendered / "scenes.json").read_text())
    assert (recipe["seed"], recipe["size_px"], recipe["variant"]) == (3, 16, SCALAR)
    assert "mitsuba" in recipe["versions"]


def test_a_second_run_renders_only_what_is_missing_and_writes_the_same_bytes(
    rendered: Path,
) -> None:
    before = pictures(rendered)
    untouched = (rendered / "Image004_4500_N.png").stat().st_mtime_ns
    (rendered / "Image005_4500_SW.png").unlink()
    render_scenes(
        rendered, num_scenes=2, first_scene=4, seed=3, size_px=16, samples=1, variant=SCALAR
    )
    assert pictures(rendered) == before
    assert (rendered / "Image004_4500_N.png").stat().st_mtime_ns == untouched


def test_two_processes_write_what_one_writes(rendered: Path, tmp_path: Path) -> None:
    render_scenes(
        tmp_path, num_scenes=2, first_scene=4, seed=3, size_px=16, samples=1, variant=SCALAR, jobs=2
    )
    assert pictures(tmp_path) == pictures(rendered)


def test_a_folder_of_another_seed_is_refused(rendered: Path) -> None:
    with pytest.raises(ValueError, match="another seed"):
        render_scenes(rendered, num_scenes=1, seed=4, size_px=16, samples=1, variant=SCALAR)


def test_an_interrupted_run_leaves_no_half_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[str] = []
    save = Image.Image.save

    def save_three(image: Image.Image, path: Path, **options: object) -> None:
        if len(saved) == 3:
            raise KeyboardInterrupt
        saved.append(path.name)
        save(image, path, **options)

    images = np.zeros((8, 16, 16, 3), dtype=np.uint8)
    monkeypatch.setattr(dataset, "scene_images", lambda *_, **__: ("test", images))
    monkeypatch.setattr(Image.Image, "save", save_three)
    with pytest.raises(KeyboardInterrupt):
        render_scenes(tmp_path, num_scenes=1, size_px=16, variant=SCALAR)
    assert len(saved) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["scenes.json"]


def test_sigterm_stops_a_run_as_ctrl_c_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        dataset, "scene_images", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)
    )
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        render_scenes(tmp_path, num_scenes=3, size_px=16, variant=SCALAR)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_scene_that_never_works_out_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "is_usable", lambda _: False)
    monkeypatch.setattr(dataset, "describe", lambda *_: block_on_a_floor())
    monkeypatch.setattr(dataset, "PROBE_PX", 2)
    variants.activate(SCALAR)
    with pytest.raises(RuntimeError, match="none was usable"):
        dataset.scene_images(0, 0, size_px=16, samples=1)


def test_the_contact_sheet_shows_every_scene_in_every_direction(
    rendered: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sheets" / "contact.png"
    contact_sheet(rendered, out)
    with Image.open(out) as sheet_image:
        width, height = sheet_image.size
        tiles = np.asarray(sheet_image)[20:]
    assert width > 8 * 150
    assert height > 2 * 150
    columns = np.array_split(tiles, 8, axis=1)
    assert all(column.std() > 5 for column in columns)  # pictures, not paper
    assert not np.array_equal(columns[0][:, :150], columns[4][:, :150])  # N is not S


def test_a_contact_sheet_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no scene"):
        contact_sheet(tmp_path, tmp_path / "contact.png")


# Variants


def test_without_llvm_the_scalar_variant_renders_and_says_how_to_be_faster(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(variants, "find_llvm", lambda: None)
    assert variants.activate(None) == SCALAR
    assert "libllvm19" in caplog.text


def test_asking_for_llvm_where_there_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "find_llvm", lambda: None)
    with pytest.raises(ValueError, match="DRJIT_LIBLLVM_PATH"):
        variants.activate("llvm_ad_rgb")


def test_an_unknown_variant_is_an_error() -> None:
    with pytest.raises(ValueError, match="not one of"):
        variants.activate("gpu")


def test_the_named_library_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", str(tmp_path / "libLLVM.so.21.1"))
    assert variants.find_llvm() == tmp_path / "libLLVM.so.21.1"
