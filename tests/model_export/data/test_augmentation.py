"""Augmented pairs show the folder's own light, changed as drawn."""

import dataclasses

import numpy as np
import pytest
import torch

from model_export.config import Augmentation
from model_export.data.augmentation import (
    Augmenter,
    light_in_voids,
    to_codes,
    to_scene_linear,
)
from model_export.data.pictures import FolderPictures
from model_export.data.sampling import Draw, Paint, Void
from model_export.data.vidit import render_srgb
from model_export.data.vidit import to_scene_linear as to_scene_linear_of_picture
from relight.lights import DIRECTIONS, Light

EAST = Light("E", 4500)
CPU = torch.device("cpu")


@pytest.fixture
def augmenter(folder):
    return Augmenter(folder, FolderPictures(folder))


@pytest.fixture
def plain(folder):
    vary = Augmentation(mirror=0.0, temperatures_k=(2500,))
    return Draw.draw(np.random.default_rng(0), 64, folder.scenes, (EAST,), vary)


def picture(planes):
    return planes.permute(1, 2, 0).numpy().astype(int)


def test_the_tone_curve_on_a_device_is_the_service_s():
    codes = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    planes = torch.from_numpy(codes).permute(2, 0, 1)[None].flatten(2)
    linear = to_scene_linear(planes)
    wanted = to_scene_linear_of_picture(codes).transpose(2, 0, 1).reshape(1, 3, -1)
    np.testing.assert_allclose(linear, wanted, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(to_codes(linear), planes.float())


def test_an_unchanged_draw_shows_the_folder_s_own_pictures(folder, augmenter, plain):
    image, target = augmenter.relit([plain])
    for planes, light in ((image[0], plain.light), (target[0], EAST)):
        difference = picture(planes) - folder.picture(plain.scene, light, 64)
        assert np.abs(difference).max() <= 1


def test_a_change_is_the_same_in_both_pictures_of_a_pair(folder, augmenter, plain):
    paint = Paint(hue_degrees=50, saturation=0.5)
    changed = dataclasses.replace(plain, exposure=0.5, ambient=0.4, paint=paint)
    for planes, light in zip(augmenter.relit([changed]), (plain.light, EAST), strict=True):
        kelvin = light.temperature_k
        lights = [Light(way, kelvin) for way in DIRECTIONS]
        soft = np.mean([folder.scene_linear(plain.scene, each, 64) for each in lights], axis=0)
        linear = folder.scene_linear(plain.scene, light, 64) + 0.4 * soft
        repainted = np.maximum(0.5 * linear @ paint.matrix(kelvin).T, 0)
        wanted = render_srgb(repainted.astype(np.float32)).astype(int)
        assert np.abs(picture(planes[0]) - wanted).max() <= 1


def test_a_pair_is_the_same_alone_and_in_a_batch(folder, augmenter):
    vary = Augmentation(ambient=0.5, max_ambient=0.5, hue_degrees=60, void=0.5)
    rng = np.random.default_rng(1)
    draws = [Draw.draw(rng, 64, folder.scenes, (EAST,), vary) for _ in range(8)]
    together = torch.stack(augmenter.relit(draws))
    alone = torch.cat([torch.stack(augmenter.relit([draw])) for draw in draws], dim=1)
    torch.testing.assert_close(together, alone, atol=1, rtol=0)


@pytest.mark.parametrize("seed", range(8))
def test_a_tenth_to_half_of_a_picture_is_void_and_most_of_the_rest_is_lit(seed):
    arriving = light_in_voids([Void.draw(np.random.default_rng(seed))], 96, CPU)
    assert arriving.shape == (1, 96, 96)
    assert arriving.min() == 0
    assert arriving.max() == 1
    assert 0.09 <= (arriving == 0).float().mean() <= 0.51
    assert ((arriving > 0) & (arriving < 1)).float().mean() < 0.1


def test_voids_differ_from_pair_to_pair_and_not_with_their_neighbours():
    rng = np.random.default_rng(0)
    one, other = Void.draw(rng), Void.draw(rng)
    both = light_in_voids([one, other], 64, CPU)
    assert not torch.equal(both[0], both[1])
    torch.testing.assert_close(both[:1], light_in_voids([one], 64, CPU))
