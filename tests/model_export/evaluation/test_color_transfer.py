"""What the global colour transfer promises."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from model_export.evaluation.color_transfer import ColorTransfer, NotColorTransfer
from model_export.evaluation.scores import psnr_db


def texture(seed, low, high):
    return np.random.default_rng(seed).integers(low, high, (48, 48, 3)).astype(np.uint8)


def test_a_photo_gets_the_mean_brightness_of_the_training_targets():
    targets = [texture(seed, 40, 90) for seed in range(4)]
    transfer = ColorTransfer.fit(targets, "E-4500")
    relit = transfer.relight(texture(9, 0, 250))
    lab = rgb2lab(relit)
    np.testing.assert_allclose(lab.mean(axis=(0, 1)), transfer.mean_lab, atol=1.0)
    np.testing.assert_allclose(lab.std(axis=(0, 1)), transfer.std_lab, rtol=0.1)


def test_pictures_like_the_targets_are_left_nearly_as_they_are():
    photo = texture(0, 40, 90)
    transfer = ColorTransfer.fit([photo], "E-4500")
    assert psnr_db(transfer.relight(photo), photo) > 45


def test_flat_and_extreme_pictures_stay_finite():
    transfer = ColorTransfer.fit([texture(0, 0, 256)], "E-4500")
    for level in (0, 128, 255):
        flat = np.full((8, 8, 3), level, np.uint8)
        assert np.ptp(transfer.relight(flat), axis=(0, 1)).max() == 0
    blue = np.zeros((8, 8, 3), np.uint8)
    blue[::2, :, 2] = 255
    assert transfer.relight(blue).shape == blue.shape


def test_a_saved_transfer_does_the_same(tmp_path):
    transfer = ColorTransfer.fit([texture(0, 10, 90)], "E-4500")
    transfer.save(tmp_path / "color-transfer.json")
    loaded = ColorTransfer.load(tmp_path / "color-transfer.json")
    photo = texture(1, 0, 256)
    np.testing.assert_array_equal(loaded.relight(photo), transfer.relight(photo))


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format": "other"}'])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(NotColorTransfer):
        ColorTransfer.load(tmp_path / "other.json")
