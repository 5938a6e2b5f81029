"""What exposure fusion promises."""

import numpy as np

from model_export.fusion import fuse, fuse_folder
from service.lights import DIRECTIONS, Light


def test_fusion_opens_a_shadow_that_only_one_light_casts():
    texture = np.random.default_rng(0).integers(60, 200, (64, 64, 3), dtype=np.uint8)
    shadowed = texture.copy()
    shadowed[16:48, 16:48] //= 12
    fused = fuse([texture, shadowed, texture])
    assert fused[24:40, 24:40].mean() > 0.8 * texture[24:40, 24:40].mean()


def test_every_scene_gets_one_shadow_free_picture(folder):
    pictures = [folder.shadow_free(scene, 64) for scene in folder.scenes]
    for scene, picture in zip(folder.scenes, pictures, strict=True):
        darkest = [folder.picture(scene, Light(d, 4500), 64).min() for d in DIRECTIONS]
        assert picture.shape == (64, 64, 3)
        assert picture.mean() > np.mean(darkest)


def test_fusing_again_keeps_what_is_done(folder):
    path = folder.root / "shadow_free" / "Image000.png"
    before = path.stat().st_mtime_ns
    fuse_folder(folder, 64)
    assert path.stat().st_mtime_ns == before
