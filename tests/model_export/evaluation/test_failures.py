"""What the picture of a model's failures promises."""

import numpy as np
from PIL import Image

from model_export.data.examples import Example
from model_export.evaluation.methods import Method
from model_export.evaluation.scores import evaluate
from relight.lights import Light


def grey(level):
    return np.full((16, 16, 3), level, dtype=np.uint8)


def test_the_worst_pair_of_each_scene_is_shown_with_the_worst_scene_first(tmp_path):
    # The method answers with level 100, so it ruins a photo that was right at another level.
    pairs = [
        Example(scene, Light("N", 4500), grey(level), grey(target))
        for scene, level, target in [(0, 10, 95), (0, 60, 61), (1, 180, 200), (1, 30, 90)]
    ]
    path = tmp_path / "failures.png"
    evaluate(pairs, [Method("always 100", lambda picture: grey(100))], failures=path)
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet)
    tile_px = 192
    tiles = [
        [int(pixels[18 + row * 194 + 150, column * 194 + tile_px // 2, 0]) for column in range(3)]
        for row in range((pixels.shape[0] - 18) // 194)
    ]
    assert tiles == [[60, 100, 61], [180, 100, 200]]
