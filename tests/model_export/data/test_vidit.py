"""What the reader of VIDIT's layout promises."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from model_export.config import DEFAULT, Augmentation
from model_export.data.fusion import fuse_folder
from model_export.data.pairs import Pairs, to_picture
from model_export.data.sources import MissingData
from model_export.data.vidit import ViditFolder, render_srgb
from relight.lights import DIRECTIONS, VIDIT_TEMPERATURES_K, Light

STAGE = dataclasses.replace(DEFAULT.stages[1], size_px=64, num_steps=40, batch_size=1)
PLAIN = Augmentation(mirror=0.0)


E = (Light("E", 4500),)


def draw(folder, augmentation=PLAIN, stage=STAGE, seed=(0,), lights=E):
    return Pairs(folder, stage, lights, augmentation, seed)


def colorfulness(planes):
    return (planes.amax(dim=0) - planes.amin(dim=0)).mean()


def test_only_scenes_with_all_eight_directions_count(vidit_root):
    (vidit_root / "Image002_4500_SW.png").unlink()
    assert ViditFolder.open(vidit_root).scenes == (0, 1, 3)


def test_an_empty_folder_is_refused_with_the_names_it_should_hold(tmp_path):
    with pytest.raises(MissingData, match=r"Image000_4500_N\.png"):
        ViditFolder.open(tmp_path)


def test_held_out_scenes_are_never_trained_on(folder):
    training, held_out = folder.split(1)
    assert held_out.scenes == (0,)
    assert training.scenes == (1, 2, 3)
    with pytest.raises(MissingData):
        folder.split(4)


def test_a_picture_at_the_rendered_temperature_is_the_file_itself(folder, vidit_root):
    with Image.open(vidit_root / "Image001_4500_NE.png") as file:
        np.testing.assert_array_equal(folder.picture(1, Light("NE", 4500), 64), np.asarray(file))


def test_scene_linear_light_and_back_gives_the_same_codes(folder):
    linear = folder.scene_linear(1, Light("NE", 4500), 64)
    np.testing.assert_array_equal(render_srgb(linear), folder.picture(1, Light("NE", 4500), 64))


def test_a_warmer_lamp_has_more_red_and_less_blue(folder):
    warm, plain, cool = (folder.picture(1, Light("N", k), 64) for k in (2500, 4500, 6500))
    ratios = [p[..., 0].mean() / p[..., 2].mean() for p in (warm, plain, cool)]
    assert ratios[0] > ratios[1] > ratios[2]


def test_files_at_every_temperature_are_read_rather_than_computed(vidit_root):
    for path in list(vidit_root.glob("Image*_4500_*.png")):
        for kelvin in VIDIT_TEMPERATURES_K:
            path.with_name(path.name.replace("4500", str(kelvin))).write_bytes(path.read_bytes())
    folder = ViditFolder.open(vidit_root)
    assert folder.temperatures_k == VIDIT_TEMPERATURES_K
    warm, plain = (folder.picture(0, Light("N", k), 64) for k in (2500, 4500))
    np.testing.assert_array_equal(warm, plain)


def test_the_stream_of_pairs_is_the_same_each_time(folder):
    vary = Augmentation(exposure_stops=(-1, 1), ambient=0.5, max_ambient=0.5)
    first, again = draw(folder, vary), draw(folder, vary)
    other = draw(folder, vary, seed=(1,))
    assert all(torch.equal(first[k].image, again[k].image) for k in range(5))
    assert not all(torch.equal(first[k].image, other[k].image) for k in range(5))


def test_steps_of_half_the_size_show_all_of_the_scene(folder):
    stage = dataclasses.replace(STAGE, batch_size=2, half_size_every=3)
    pairs = draw(folder, PLAIN, stage)
    sizes = [pairs[k].image.shape[-1] for k in range(12)]
    assert sizes == [64, 64, 64, 64, 32, 32] * 2
    wanted = [folder.picture(scene, E[0], 32) for scene in folder.scenes]
    target = to_picture(pairs[4].target)
    assert min(np.abs(target.astype(int) - w).max() for w in wanted) <= 1


def test_the_target_is_the_scene_under_the_wanted_light(folder):
    wanted = [folder.picture(scene, Light("E", 4500), 64) for scene in folder.scenes]
    for k in range(10):
        target = to_picture(draw(folder)[k].target)
        assert min(np.abs(target.astype(int) - w).max() for w in wanted) <= 1


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_each_pair_names_the_light_of_its_target(folder, mirror):
    pairs = draw(folder, Augmentation(mirror=mirror), lights=DEFAULT.lights)
    seen = set()
    for k in range(40):
        target, light = to_picture(pairs[k].target), DEFAULT.lights[int(pairs[k].light)]
        if mirror:
            target, light = target[:, ::-1], light.mirrored
        wanted = [folder.picture(scene, light, 64) for scene in folder.scenes]
        assert min(np.abs(target.astype(int) - w).max() for w in wanted) <= 1
        seen.add(light)
    assert seen == set(DEFAULT.lights)


def test_a_mirrored_pair_shows_the_mirrored_light(folder):
    mirrored = draw(folder, Augmentation(mirror=1.0))
    wanted = [folder.picture(scene, Light("W", 4500), 64)[:, ::-1] for scene in folder.scenes]
    for k in range(10):
        target = to_picture(mirrored[k].target)
        assert target[:, 32:].mean() > target[:, :32].mean()  # still lit from the right
        assert min(np.abs(target.astype(int) - w).max() for w in wanted) <= 1


def test_every_light_comes_up_as_input(folder):
    stage = dataclasses.replace(STAGE, num_steps=300)
    pairs = draw(folder, Augmentation(mirror=0.0, temperatures_k=(4500,)), stage)
    inputs = {to_picture(pairs[k].image).tobytes() for k in range(300)}
    assert len(inputs) == len(DIRECTIONS) * len(folder.scenes)


def test_ambient_light_opens_the_shadows_of_input_and_target(folder):
    bare = draw(folder, Augmentation(mirror=0.0))
    lit = draw(folder, Augmentation(mirror=0.0, ambient=1.0, max_ambient=1.0))
    for k in range(5):
        assert lit[k].image.mean() > bare[k].image.mean()
        assert lit[k].target.mean() > bare[k].target.mean()


def test_repainting_turns_input_and_target_alike(folder):
    plain = draw(folder, Augmentation(mirror=0.0, temperatures_k=(4500,)))
    vary = Augmentation(mirror=0.0, temperatures_k=(4500,), saturation=(0.0, 0.0))
    grey = draw(folder, vary)
    for k in range(5):
        for before, after in zip(plain[k][:2], grey[k][:2], strict=True):
            assert colorfulness(after) < colorfulness(before)
        image, target = (shown.mean(dim=(1, 2)) for shown in grey[k][:2])
        assert (image - image.mean()).sub(target - target.mean()).abs().max() < 0.1


def test_a_void_is_as_black_in_the_target_as_in_the_photo(folder):
    bare, void = draw(folder), draw(folder, Augmentation(mirror=0.0, void=1.0))
    for k in range(5):
        dark = (void[k].image == -1).all(dim=0) & (bare[k].image > -1).any(dim=0)
        assert dark.float().mean() > 0.05
        both = dark & (bare[k].target > -1).any(dim=0)
        assert (void[k].target[:, both] < -0.9).float().mean() > 0.9


def test_the_shadow_free_target_is_repainted_with_its_photo(folder):
    stage = dataclasses.replace(STAGE, target="shadow_free")
    fuse_folder(folder, 64)
    plain = draw(folder, Augmentation(mirror=0.0), stage)
    turned = draw(folder, Augmentation(mirror=0.0, hue_degrees=180.0), stage)
    moved = [(turned[k].target - plain[k].target).abs().mean().item() for k in range(10)]
    assert max(moved) > 0.05


def test_training_without_shadow_free_pictures_names_the_missing_ones(vidit_root):
    stage = dataclasses.replace(DEFAULT.stages[0], size_px=64)
    with pytest.raises(MissingData, match="shadow_free"):
        draw(ViditFolder.open(vidit_root), stage=stage)[0]
