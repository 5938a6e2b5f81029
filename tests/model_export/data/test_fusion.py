"""What exposure fusion promises."""

import numpy as np
from PIL import Image

from model_export.data.fusion import fuse, fuse_folder
from relight.lights import DIRECTIONS, Light


def test_fusion_opens_a_shadow_that_only_one_light_casts():
    texture = np.random.default_rng(0).integers(60, 200, (64, 64, 3), dtype=np.uint8)
    shadowed = texture.copy()
    shadowed[16:48, 16:48] //= 12
    fused = fuse([texture, shadowed, texture])
    assert fused[24:40, 24:40].mean() > 0.8 * texture[24:40, 24:40].mean()


def test_a_shadow_free_picture_is_lit_more_evenly_than_any_of_its_scene(folder):
    for scene in folder.scenes:
        fused = folder.shadow_free(scene, 64)
        tilts = [tilt(folder.picture(scene, Light(d, 4500), 64)) for d in DIRECTIONS]
        assert fused.shape == (64, 64, 3)
        assert tilt(fused) < 0.5 * min(tilts)


def tilt(picture):
    """How much brighter one half is than its opposite, the steeper of the two ways."""
    grey = picture.mean(axis=2)
    halves = [(grey[:32], grey[32:]), (grey[:, :32], grey[:, 32:])]
    return max(abs(np.log(a.mean() / b.mean())) for a, b in halves)


def test_fusing_again_keeps_finished_pictures(folder):
    path = folder.root / "shadow_free" / "Image000.png"
    before = path.stat().st_mtime_ns
    fuse_folder(folder, 64)
    assert path.stat().st_mtime_ns == before


def test_fusing_at_another_size_makes_the_pictures_anew(folder):
    fuse_folder(folder, 32)
    with Image.open(folder.root / "shadow_free" / "Image000.png") as picture:
        assert picture.size == (32, 32)
