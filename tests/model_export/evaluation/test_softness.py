"""What the calibration of a network's blur promises."""

import cv2
import numpy as np
import pytest

from model_export.evaluation.softness import measure_softness


def scene(seed: int, brightness: float) -> np.ndarray:
    """A picture of hard-edged patches and fine grain, darker to the left."""
    rng = np.random.default_rng(seed)
    picture = rng.uniform(90, 160, (128, 128, 3))
    for _ in range(30):
        y, x = rng.integers(0, 110, 2)
        picture[y : y + 25, x : x + 25] += rng.normal(0, 30, 3)
    return np.clip(picture * np.linspace(brightness, 1, 128)[:, None], 0, 255).astype(np.uint8)


@pytest.mark.parametrize("softness_px", [0.0, 0.7, 1.5])
def test_the_blur_of_a_network_is_found_for_any_light_of_its_inputs(softness_px):
    pairs = [(scene(seed, 0.2), scene(seed, 0.8)) for seed in range(3)]
    answers = {image.tobytes(): target for image, target in pairs}

    def relight(image):
        target = answers[image.tobytes()]
        return cv2.GaussianBlur(target, (0, 0), softness_px) if softness_px else target

    assert measure_softness(pairs, relight) == pytest.approx(softness_px, abs=0.15)


def test_one_odd_picture_does_not_decide():
    pairs = [(scene(seed, 0.2), scene(seed, 0.8)) for seed in range(3)]

    def relight(image):
        target = next(target for own, target in pairs if own is image)
        return cv2.GaussianBlur(target, (0, 0), 2.5) if image is pairs[0][0] else target

    assert measure_softness(pairs, relight) == 0
